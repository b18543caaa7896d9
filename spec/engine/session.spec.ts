import * as E from 'fp-ts/lib/Either.js'
import { openSession } from 'deriva/engine'
import { add, encode, input, mul } from 'deriva/onnx'
import { float32, int64 } from 'deriva/types'
import { describe, expect, it } from 'vitest'

const x = input('x', 'float32', ['batch', 2])
const model = encode({ outputs: { y: add(mul(x, 2), 1) }, parameters: 'inputs' })

describe('openSession', () => {
  it('makes a graph a function of named tensors, for batches of any size', async () => {
    const session = await openSession(model)()
    if (E.isLeft(session)) throw new Error(session.left.message)
    expect([session.right.inputs, session.right.outputs]).toEqual([['x'], ['y']])
    for (const rows of [1, 3]) {
      const data = Float32Array.from({ length: 2 * rows }, (_, i) => i)
      const out = await session.right.run({ x: float32([rows, 2], data) })()
      expect(out).toEqual(
        E.right({ y: { type: 'float32', dims: [rows, 2], data: data.map((v) => 2 * v + 1) } }),
      )
    }
    expect(await session.right.release()).toEqual(E.right(undefined))
  })

  it('says what was wrong with a model, and which one', async () => {
    const session = await openSession(Uint8Array.of(1, 2, 3), { name: 'denoiser' })()
    expect(session).toMatchObject({ _tag: 'Left', left: { _tag: 'EngineError' } })
    if (E.isLeft(session)) expect(session.left.message).toMatch(/^compiling the denoiser: /)
  })

  it('says what was wrong with a run', async () => {
    const session = await openSession(model)()
    if (E.isLeft(session)) throw new Error(session.left.message)
    const wrongType = await session.right.run({ x: int64([1, 2], [1, 2]) })()
    const missing = await session.right.run({})()
    for (const result of [wrongType, missing])
      expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'EngineError' } })
    if (E.isLeft(missing)) expect(missing.left.message).toContain('x')
  })
})
