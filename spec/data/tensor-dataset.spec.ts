import { mkdtemp, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../lib/checkpoint/index.js'
import { batches, type Dataset, openDataset, tensorDataset } from '../../lib/data/index.js'
import { fromNumbers } from '../../lib/onnx/index.js'
import { float32, int64, type Tensor } from '../../lib/types/index.js'
import { right } from '../either.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-'))
})

const file = async (name: string, tensors: Readonly<Record<string, Tensor>>): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, encodeSafetensors(tensors))
  return path
}

const half = (dims: ReadonlyArray<number>, values: ReadonlyArray<number>): Tensor => {
  const tensor = fromNumbers('float16', dims, values)
  if (tensor === undefined) throw new Error('float16 holds these')
  return tensor
}

/** Row r of the latents is r, r + 0.25, …; of the embeddings 10·r + column; of the labels r mod 3. */
const rowsFrom = (start: number, count: number): Readonly<Record<string, Tensor>> => {
  const rows = Array.from({ length: count }, (_, i) => start + i)
  return {
    latents: half(
      [count, 1, 2, 2],
      rows.flatMap((r) => [r, r + 0.25, r + 0.5, r + 0.75]),
    ),
    embedding: float32(
      [count, 3],
      rows.flatMap((r) => [10 * r, 10 * r + 1, 10 * r + 2]),
    ),
    label: { type: 'int32', dims: [count], data: Int32Array.from(rows, (r) => r % 3) },
    mask: { type: 'bool', dims: [count, 2], data: Uint8Array.from(rows.flatMap((r) => [1, r % 2])) },
  }
}

const done = async <A>(task: () => Promise<E.Either<{ readonly message: string }, A>>): Promise<A> =>
  right(await task())

const refusal = async (path: string): Promise<string> => {
  const result = await openDataset({ dataset: path })()
  if (E.isRight(result)) throw new Error('nothing was refused')
  expect(result.left).toMatchObject({ _tag: 'DataError' })
  return result.left.message
}

describe('tensorDataset', () => {
  it('reads the rows asked for, in the types of batches, whatever file they are in', async () => {
    const paths = [await file('a.safetensors', rowsFrom(0, 5)), await file('b.safetensors', rowsFrom(5, 2))]
    const data = await done(tensorDataset('both', paths))
    expect(data).toMatchObject({
      size: 7,
      shape: [1, 2, 2],
      classes: 3,
      conditioning: {
        embedding: { type: 'float32', dims: [3] },
        label: { type: 'int64', dims: [] },
        mask: { type: 'bool', dims: [2] },
      },
    })
    const { x0, conditioning } = await done(data.rows([6, 0, 1, 5, 6]))
    expect([...x0]).toEqual([6, 0, 1, 5, 6].flatMap((r) => [r, r + 0.25, r + 0.5, r + 0.75]))
    expect(conditioning.embedding).toEqual(
      float32(
        [5, 3],
        [6, 0, 1, 5, 6].flatMap((r) => [10 * r, 10 * r + 1, 10 * r + 2]),
      ),
    )
    expect(conditioning.label).toEqual(int64([5], [0, 0, 1, 2, 0]))
    expect(Array.from(conditioning.mask.data, Number)).toEqual([1, 0, 1, 0, 1, 1, 1, 1, 1, 0])
  })

  it('trains dropped samples with the empty row that the file gives, zeros elsewhere, and one more class', async () => {
    const path = await file('empty.safetensors', {
      ...rowsFrom(0, 6),
      'empty.embedding': float32([3], [7, 8, 9]),
    })
    const data = await done(openDataset({ dataset: path }))
    const { conditioning } = await done(batches(data, { batchSize: 2, seed: 1, dropout: 1 })(0))
    expect(conditioning.embedding).toEqual(float32([2, 3], [7, 8, 9, 7, 8, 9]))
    expect(conditioning.label).toEqual(int64([2], [3, 3]))
    expect(Array.from(conditioning.mask.data, Number)).toEqual([0, 0, 0, 0])
    const kept = await done(batches(data, { batchSize: 2, seed: 1, dropout: 0 })(0))
    expect(Array.from(kept.conditioning.embedding.data, Number).map((x) => x % 10)).toEqual([
      0, 1, 2, 0, 1, 2,
    ])
  })

  it('is a folder of files too', async () => {
    const data: Dataset = await done(openDataset({ dataset: folder }))
    expect(data.size).toBe(13)
  })

  it('keeps what all samples share out of the rows', async () => {
    const shared = { 'shared.ids': int64([2, 3], [0, 1, 2, 3, 4, 5]), 'shared.scale': float32([], [2]) }
    const paths = [
      await file('rows.safetensors', rowsFrom(0, 3)),
      await file('shared.safetensors', { ...rowsFrom(3, 2), ...shared }),
    ]
    const data = await done(tensorDataset('both', paths))
    expect(data.shared).toEqual({ ids: shared['shared.ids'], scale: shared['shared.scale'] })
    expect(Object.keys(data.conditioning)).toEqual(['embedding', 'label', 'mask'])
    const { conditioning } = await done(data.rows([4]))
    expect(Object.keys(conditioning)).toEqual(['embedding', 'label', 'mask'])
  })
  it('says which file and which array is not as it should be', async () => {
    const { latents, ...others } = rowsFrom(0, 4)
    const none = await file('none', others)
    expect(await done(tensorDataset('x', [none])).catch((e: unknown) => String(e))).toContain(
      'neither an array "latents" nor "x0"',
    )
    const cases: ReadonlyArray<readonly [Readonly<Record<string, Tensor>>, string]> = [
      [{ latents, x0: latents }, 'both an array "latents" and "x0"'],
      [{ latents: int64([2, 1], [1, 2]) }, '"latents" is int64[2, 1]'],
      [{ latents, embedding: float32([3, 1], [1, 2, 3]) }, '"embedding" is float32[3, 1]'],
      [{ latents, label: int64([4], [0, 1, -1, 2]) }, '"label" 2 is -1'],
      [{ ...rowsFrom(0, 4), 'empty.embedding': float32([2], [1, 2]) }, '"empty.embedding" is float32[2]'],
      [{ latents: float32([0, 4], []) }, 'no rows'],
    ]
    for (const [i, [tensors, message]] of cases.entries()) {
      const path = await file(`bad-${i}.part`, tensors)
      const result = await tensorDataset('bad', [path])()
      expect(result).toMatchObject({ left: { _tag: 'DataError', path } })
      expect(E.isLeft(result) ? result.left.message : '').toContain(message)
    }
    const first = join(folder, 'a.safetensors')
    const other = await file('c.part', { latents: float32([2, 1, 2, 2], new Float32Array(8)) })
    expect(await tensorDataset('mixed', [first, other])()).toMatchObject({ left: { path: other } })
  })

  it('notices a file that is cut off, when it is opened and while it is read', async () => {
    const path = await file('cut.safetensors', rowsFrom(0, 50))
    const data = await done(tensorDataset('cut', [path]))
    await truncate(path, 700)
    expect(await data.rows([49])()).toMatchObject({ left: { _tag: 'DataError', path } })
    expect(await refusal(path)).toContain('cut off')
    await writeFile(path, 'not safetensors at all')
    expect(await refusal(path)).toContain('not a safetensors file')
  })

  it('takes what is no dataset for a mistake in the configuration, and suggests', async () => {
    expect(await openDataset({ dataset: 'mnst' })()).toMatchObject({
      left: {
        _tag: 'ConfigError',
        problems: [{ key: 'dataset', allowed: expect.stringContaining('mean mnist') as string }],
      },
    })
    expect(await openDataset({ dataset: join(folder, 'nowhere') })()).toMatchObject({
      left: { _tag: 'ConfigError' },
    })
  })
})
