import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { openEngine } from 'deriva/engine'
import { encode, input, matMul } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { lineTo } from '../../lib/engine/worker-line.js'
import { right } from '../either.js'

const listening = (does: string): Worker =>
  new Worker(`require('node:worker_threads').parentPort.on('message', ({ port }) => { ${does} })`, {
    eval: true,
  })
const ask = (worker: Worker) => lineTo(worker).ask('release', { ids: [1] })

describe('a worker that fails to answer', () => {
  it.each([
    ['throws', "throw new Error('out of luck')", 'out of luck'],
    ['rejects', "void Promise.reject(new Error('out of promises'))", 'out of promises'],
    ['ends the thread', 'process.exit(3)', 'exit code 3'],
    ['just ends', 'process.exit(0)', 'it was closed'],
  ])('because it %s, answers with the reason, then and ever after', async (_, does, reason) => {
    const line = lineTo(listening(does))
    const message = `the thread that computes has ended: ${reason}`
    const ended = { _tag: 'Left', left: { _tag: 'EngineError', message } }
    expect(await Promise.all([line.ask('close', undefined), line.ask('release', { ids: [] })])).toEqual([
      ended,
      ended,
    ])
    expect(await line.ask('close', undefined)).toEqual(ended)
  })

  it('because it was terminated while it was busy, does so too', async () => {
    const worker = listening('for (;;);')
    const answer = ask(worker)
    await once(worker, 'online')
    await worker.terminate()
    expect(await answer).toMatchObject({ left: { _tag: 'EngineError' } })
  })

  it('because its file is broken, does so too', async () => {
    const answer = await ask(new Worker('this is no program', { eval: true }))
    expect(answer).toMatchObject({ left: { message: expect.stringContaining('Unexpected') as string } })
  })
})

describe('while a worker computes', () => {
  it('the event loop is free: timers go on', async () => {
    const n = 1024
    const [a, b] = ['a', 'b'].map((name) => input(name, 'float32', [n, n]))
    const engine = openEngine({ worker: true })
    const model = encode({ outputs: { c: matMul(a, b) }, parameters: 'inputs' })
    const session = right(await engine.openKeeping(model, ['c'], { threads: 1 })())
    const ones = float32([n, n], new Float32Array(n * n).fill(1 / n))
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    // How much of the time the loop is busy, which unlike the lateness of timers does not depend on what else the machine does.
    const before = performance.eventLoopUtilization()
    const runs = 15
    for (let run = 0; run < runs; run++) {
      const { kept } = right(await session.run({ a: ones, b: ones })())
      engine.release(kept)()
    }
    const { utilization } = performance.eventLoopUtilization(before)
    clearInterval(timer)
    expect(utilization).toBeLessThan(0.5)
    expect(ticks).toBeGreaterThan(runs)
    right(await engine.close())
  })

  it('its end is told to whoever waits', async () => {
    const engine = openEngine({ worker: true })
    const x = input('x', 'float32', [1])
    const session = right(await engine.open(encode({ outputs: { y: x }, parameters: 'inputs' }))())
    right(await engine.close())
    expect(await session.run({ x: float32([1], [1]) })()).toMatchObject({ left: { _tag: 'EngineError' } })
    right(await engine.close())
  })
})
