import { shapes } from 'deriva/data'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { blurWatch, dataSharpness } from '../../lib/cli/index.js'

const dataset = shapes()
const samples = async (first: number): Promise<Float32Array> => {
  const rows = await dataset.rows(Array.from({ length: 60 }, (_, i) => first + i))()
  if (E.isLeft(rows)) throw new Error(rows.left.message)
  return rows.right.x0
}

/** Every pixel the mean of its row of three. */
const blurred = (x: Float32Array): Float32Array =>
  x.map((here, i) => (here + (i % 8 > 0 ? x[i - 1] : here) + (i % 8 < 7 ? x[i + 1] : here)) / 3)

describe('blurWatch', () => {
  it('says when samples lose what earlier ones had, and stays silent for other samples as sharp', async () => {
    const data = await dataSharpness(dataset)()
    if (E.isLeft(data)) throw new Error(data.left.message)
    const watch = blurWatch(dataset.shape, data.right)
    expect(await watch(await samples(0))()).toBeUndefined()
    expect(await watch(await samples(60))()).toBeUndefined()
    const warning = await watch(blurred(await samples(120)))()
    expect(warning).toMatch(
      /^the samples are blurred: .*high-frequency power 0\.\d\d of the data's, after \d\.\d\d$/,
    )
    expect(await watch(await samples(180))()).toBeUndefined()
  })

  it('does not expect more of a model than it has shown: the first samples are only remembered', async () => {
    const data = await dataSharpness(dataset)()
    if (E.isLeft(data)) throw new Error(data.left.message)
    const watch = blurWatch(dataset.shape, data.right)
    const [dull, dullToo] = [blurred(await samples(0)), blurred(await samples(60))]
    expect(await watch(dull)()).toBeUndefined()
    expect(await watch(dullToo)()).toBeUndefined()
  })

  it('does not take the noise that an untrained model gives for sharpness', async () => {
    const data = await dataSharpness(dataset)()
    if (E.isLeft(data)) throw new Error(data.left.message)
    const watch = blurWatch(dataset.shape, data.right)
    const x = await samples(0)
    expect(await watch(x.map((_, i) => 9 * Math.sin(1000 * i * i)))()).toBeUndefined()
    expect(await watch(await samples(60))()).toBeUndefined()
  })
})
