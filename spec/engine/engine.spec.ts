import { type Engine, type Held, type Kept, openEngine } from 'deriva/engine'
import { add, encode, input, mul, reduceSum } from 'deriva/onnx'
import { float32, int64 } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, describe, expect, it } from 'vitest'
import { right } from '../either.js'

/** x → (2x + 1, its sum). */
const x = input('x', 'float32', ['batch', 2])
const doubled = add(mul(x, 2), 1)
const model = encode({
  outputs: { y: doubled, total: reduceSum(doubled, [0, 1], false) },
  parameters: 'inputs',
})

const start = float32([2, 2], [0, 1, 2, 3])
const left = <A>(either: E.Either<{ readonly message: string }, A>): string => {
  if (E.isRight(either)) throw new Error('it went well')
  return either.left.message
}

describe.each([
  { name: 'in this thread', worker: false },
  { name: 'in a worker', worker: true },
])('an engine $name', ({ worker }) => {
  const engine = openEngine({ worker })
  afterAll(() => engine.close())
  const opened = async (keeps: ReadonlyArray<string>, by: Engine = engine) =>
    right(await by.openKeeping(model, keeps, { threads: 1, name: 'doubler' })())

  it('runs graphs; its inputs remain the caller’s', async () => {
    const session = right(await engine.open(model, { threads: 1 })())
    expect([session.inputs, session.outputs]).toEqual([['x'], ['y', 'total']])
    // A view of a longer array, as packed rollouts feed it.
    const data = Float32Array.of(9, 0, 1, 2, 3, 9)
    const view = float32([2, 2], data.subarray(1, 5))
    for (let again = 0; again < 2; again++)
      expect(right(await session.run({ x: view })())).toEqual({
        y: float32([2, 2], [1, 3, 5, 7]),
        total: float32([], [16]),
      })
    expect([...data]).toEqual([9, 0, 1, 2, 3, 9])
    right(await session.release())
  })

  it('keeps what it is told to and takes it again', async () => {
    const session = await opened(['y'])
    let y: Held = start
    for (const total of [16, 36, 76]) {
      const { kept, rest }: Kept = right(await session.run({ x: y })())
      expect(rest).toEqual({ total: float32([], [total]) })
      expect(Object.keys(kept)).toEqual(['y'])
      expect(kept['y'].type).toBe(worker ? 'resident' : 'float32')
      expect(kept['y'].dims).toEqual([2, 2])
      y = kept['y']
    }
    const read = right(await engine.read({ y, start })())
    expect(read).toEqual({ y: float32([2, 2], [7, 15, 23, 31]), start })
    // Reading is a copy: what is held is still there.
    expect(right(await engine.read({ y })())).toEqual({ y: read['y'] })
  })

  it('feeds one session with what another left behind', async () => {
    const [one, two] = [await opened(['y']), await opened([])]
    const { kept } = right(await one.run({ x: start })())
    const { rest } = right(await two.run({ x: kept['y'] })())
    expect(rest['y']).toEqual(float32([2, 2], [3, 7, 11, 15]))
  })

  it('says what was wrong with a model, and with a run', async () => {
    expect(left(await engine.open(Uint8Array.of(1, 2, 3), { name: 'denoiser' })())).toMatch(
      /^compiling the denoiser: /,
    )
    const session = await opened([])
    expect(left(await session.run({ x: int64([1, 2], [1, 2]) })())).toMatch(/^running the doubler: /)
    expect(left(await session.run({})())).toContain('x')
    expect(
      left(await session.run({ x: { type: 'bfloat16', dims: [1, 2], data: new Uint16Array(2) } })()),
    ).toContain('bfloat16')
  })

  it('does not take what was released, nor what another engine holds', async () => {
    const session = await opened(['y'])
    const { kept } = right(await session.run({ x: start })())
    const other = openEngine({ worker: true })
    const foreign = right(await (await opened(['y'], other)).run({ x: start })()).kept
    expect(left(await session.run({ x: foreign['y'] })())).toContain('another engine')
    right(await other.close())
    engine.release(kept)()
    engine.release(kept)()
    if (worker) {
      expect(left(await session.run({ x: kept['y'] })())).toContain('has been released')
      expect(left(await engine.read(kept)())).toContain('has been released')
    } else expect(E.isRight(await engine.read(kept)())).toBe(true)
  })

  it('does in turn what it is asked at once', async () => {
    const session = await opened([])
    const totals = await Promise.all(
      [1, 2, 3].map(
        async (k) => right(await session.run({ x: float32([1, 2], [k, k]) })()).rest['total'].data[0],
      ),
    )
    expect(totals).toEqual([6, 10, 14])
  })

  it('is fed much as it is fed little, in the order asked for', async () => {
    const session = await opened(['y'])
    // Some megabytes that are a view of more, and hold something different everywhere.
    const rows = 800_001
    const data = Float32Array.from({ length: 2 * rows + 3 }, (_, i) => i % 17)
    const much = float32([rows, 2], data.subarray(1, 1 + 2 * rows))
    const asked = [much, start].map((x) => session.run({ x })())
    const [large, small] = (await Promise.all(asked)).map(right)
    expect(small.rest['total']).toEqual(float32([], [16]))
    const y = right(await engine.read(large.kept)())['y']
    expect(y.data.length).toBe(2 * rows)
    expect(y.data.every((value, i) => Number(value) === 2 * ((i + 1) % 17) + 1)).toBe(true)
    // Released at once, while it is still being copied: what was asked before is answered all the same.
    const again = session.run({ x: large.kept['y'] })()
    engine.release(large.kept)()
    expect(Number(right(await again).rest['total'].data[0])).toBeGreaterThan(0)
  })
})
