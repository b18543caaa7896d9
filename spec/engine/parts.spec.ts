import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEngine } from 'deriva/engine'
import { add, decode, draft, input, matMul, parameter, type Value } from 'deriva/onnx'
import { byteLength, deferred, float32, type StoredAt, type Tensor } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, it } from 'vitest'
import { inParts, type ModelParts } from '../../lib/engine/parts.js'
import { right } from '../either.js'

const folder = mkdtempSync(join(tmpdir(), 'deriva-parts-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const side = 64
const numbers = (seed: number): Float32Array =>
  Float32Array.from({ length: side * side }, (_, i) => Math.sin(i * seed) / 8)

const weightsFile = join(folder, 'weights')
writeFileSync(weightsFile, new Uint8Array(numbers(0.3).buffer))
/** A weight that a file has; reading it here would be a waste. */
const onDisk = deferred(
  'float32',
  [side, side],
  () => {
    throw new Error('it is read')
  },
  { root: '/', location: weightsFile.slice(1), offset: 0 },
)
const inMemory = float32([side, side], numbers(0.7))

const x = input('x', 'float32', ['batch', side])
const bias = parameter('bias', float32([side], numbers(0.2).slice(0, side)))
const chain = (...weights: ReadonlyArray<Tensor>): Value =>
  weights.reduce((y, weight, i) => matMul(y, parameter(`w${i}`, weight)), add(x, bias))
const drafted = (y: Value) => draft({ outputs: { y }, parameters: 'initializers' })

const nothing = (): Promise<ReadonlyArray<StoredAt>> => Promise.reject(new Error('nothing is to be stored'))
const bytes = byteLength(inMemory)

describe('a model in parts', () => {
  it.each<[string, ReadonlyArray<Tensor>, number, Partial<ModelParts>]>([
    [
      'has its large tensors in memory',
      [inMemory],
      bytes,
      { beside: { 'tensor-0': new Uint8Array(inMemory.data.buffer) } },
    ],
    ['leaves those on the disk there', [onDisk], 0, { beside: {}, stored: { root: '/', bytes } }],
    ['holds few others itself then', [onDisk, inMemory], bytes, { beside: {}, stored: { root: '/', bytes } }],
  ])('%s', async (_, weights, most, expected) => {
    const parts = await inParts(drafted(chain(...weights)), most, nothing)
    expect(parts).toMatchObject(expected)
    // What is small, as the bias here, is in the file.
    const read = decode(parts.model, { external: () => E.right({ read: () => new ArrayBuffer(bytes) }) })
    expect(E.isRight(read)).toBe(true)
    expect(parts.model.length > bytes).toBe(weights.length === 2)
  })

  it('has too many of them stored', async () => {
    const asked: Tensor[] = []
    const parts = await inParts(drafted(chain(inMemory, onDisk)), bytes - 1, (tensors) => {
      asked.push(...tensors)
      return Promise.resolve(tensors.map(() => ({ root: '/', location: 'there', offset: 8192 })))
    })
    expect(asked).toEqual([inMemory])
    expect(parts).toMatchObject({ beside: {}, stored: { root: '/', bytes: 2 * bytes } })
  })

  it('takes everything into memory where there is no folder that all files are in', async () => {
    const elsewhere = deferred('float32', [side, side], () => numbers(0.9), {
      root: 'D:',
      location: 'w',
      offset: 0,
    })
    const here = deferred('float32', [side, side], () => numbers(0.3), {
      root: 'C:',
      location: 'w',
      offset: 0,
    })
    const { beside, stored } = await inParts(drafted(chain(elsewhere, here)), 0, nothing)
    expect(stored).toBeUndefined()
    expect(Object.values(beside)).toEqual(
      [numbers(0.9), numbers(0.3)].map((data) => new Uint8Array(data.buffer)),
    )
  })
})

describe.each([false, true])('an engine (in a worker: %s)', (worker) => {
  const readable = deferred('float32', [side, side], () => numbers(0.3))
  const feeds = { x: float32([2, side], numbers(0.1).slice(0, 2 * side)) }

  it('computes the same, wherever the weights are', async () => {
    const plain = openEngine({ worker })
    const frugal = openEngine({ worker, inMemory: 0, temporary: folder })
    const outcome = async (engine: typeof plain, ...weights: ReadonlyArray<Tensor>) => {
      const session = right(await engine.open(drafted(chain(...weights)))())
      const { y } = right(await session.run(feeds)())
      right(await session.release())
      return y.data
    }
    const expected = await outcome(plain, inMemory, readable)
    expect(await outcome(plain, inMemory, onDisk)).toEqual(expected)
    const files = (): ReadonlyArray<string> =>
      readdirSync(folder).filter((name) => name.startsWith('deriva-'))
    expect(files()).toEqual([])
    expect(await outcome(frugal, inMemory, readable)).toEqual(expected)
    expect(await outcome(frugal, inMemory, readable)).toEqual(expected)
    expect(await outcome(frugal, inMemory, onDisk)).toEqual(expected)
    // Each weight once, whatever the number of sessions.
    const [name, ...others] = files()
    expect(others).toEqual([])
    expect(readFileSync(join(folder, name)).length).toBe(2 * bytes)
    right(await plain.close())
    right(await frugal.close())
    expect(files()).toEqual([])
  })

  it('says what is missing where there is no room', async () => {
    const engine = openEngine({ worker, inMemory: 0, temporary: join(folder, 'absent') })
    const opened = await engine.open(drafted(chain(inMemory)))()
    expect(opened).toMatchObject({
      _tag: 'Left',
      left: { _tag: 'EngineError', message: expect.stringContaining('absent') as string },
    })
    right(await engine.close())
  })
})

it('a file that a killed process left goes when another is made', async () => {
  // No process has this number: it is beyond what systems give.
  const left = join(folder, 'deriva-weights-4194999-0')
  const own = join(folder, `deriva-weights-${process.pid}-99`)
  for (const path of [left, own]) writeFileSync(path, '')
  const engine = openEngine({ inMemory: 0, temporary: folder })
  right(await engine.open(drafted(chain(inMemory)))())
  const names = readdirSync(folder)
  expect(names).not.toContain('deriva-weights-4194999-0')
  expect(names).toContain(`deriva-weights-${process.pid}-99`)
  right(await engine.close())
})
