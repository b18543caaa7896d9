import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as E from 'fp-ts/lib/Either.js'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { imageFolder, openDataset } from '../../lib/data/index.js'
import { right } from '../either.js'

type Colour = { readonly r: number; readonly g: number; readonly b: number }

const plain = (width: number, height: number, background: Colour) =>
  sharp({ create: { width, height, channels: 3, background } })

const done = async <A>(task: () => Promise<E.Either<{ readonly message: string }, A>>): Promise<A> =>
  right(await task())

const empty = (): Promise<string> => mkdtemp(join(tmpdir(), 'deriva-'))

const red = { r: 255, g: 0, b: 0 }

describe('imageFolder', () => {
  it('takes folders for classes, in the order of their names, and pixels for −1 … 1', async () => {
    const folder = await empty()
    for (const name of ['cats', 'birds', '.hidden', 'nothing']) await mkdir(join(folder, name))
    await plain(2, 3, red).png().toFile(join(folder, 'cats/1.png'))
    await plain(2, 3, { r: 0, g: 255, b: 51 }).png().toFile(join(folder, 'birds/a.PNG'))
    await plain(2, 3, red).png().toFile(join(folder, '.hidden/x.png'))
    await writeFile(join(folder, 'birds/notes.txt'), 'no image')
    const data = await done(openDataset({ dataset: folder }))
    expect(data).toMatchObject({
      size: 2,
      classes: 2,
      shape: [3, 3, 2],
      conditioning: { label: { dims: [] } },
    })
    const { x0, conditioning } = await done(data.rows([1, 0]))
    const value = (image: number, channel: number): ReadonlyArray<number> => [
      ...x0.subarray((image * 3 + channel) * 6, (image * 3 + channel + 1) * 6),
    ]
    expect([0, 1, 2].map((c) => value(0, c)[5])).toEqual([1, -1, -1])
    expect([0, 1].map((c) => value(1, c)[0])).toEqual([-1, 1])
    expect(value(1, 2)[0]).toBeCloseTo(-0.6, 6)
    expect(Array.from(conditioning.label.data, Number)).toEqual([1, 0])
  })

  it('scales the shorter side, cuts out the middle, and makes grey of colours', async () => {
    const folder = await empty()
    // Red, white, red thirds: the middle square of it is white.
    await plain(30, 10, red)
      .composite([
        { input: await plain(10, 10, { r: 255, g: 255, b: 255 }).png().toBuffer(), left: 10, top: 0 },
      ])
      .jpeg({ quality: 100 })
      .toFile(join(folder, 'wide.jpeg'))
    await plain(20, 40, { r: 0, g: 0, b: 0 }).webp({ lossless: true }).toFile(join(folder, 'tall.webp'))
    const data = await done(openDataset({ dataset: folder, resolution: 4, image_mode: 'grey' }))
    expect(data).toMatchObject({ size: 2, classes: 0, shape: [1, 4, 4], conditioning: {} })
    const { x0 } = await done(data.rows([0, 1]))
    expect([...x0.subarray(0, 16)]).toEqual(new Array(16).fill(-1))
    // Beside the edges, where scaling mixes in a little red.
    expect(Math.min(x0[16 + 5], x0[16 + 6], x0[16 + 9])).toBeGreaterThan(0.95)
  })

  it('turns photographs upright, and shows white behind what is transparent', async () => {
    const folder = await empty()
    await plain(4, 2, red).withMetadata({ orientation: 6 }).jpeg().toFile(join(folder, 'photo.jpg'))
    expect(await done(imageFolder(folder))).toMatchObject({ shape: [3, 4, 2] })
    const clear = await empty()
    await sharp({ create: { width: 1, height: 1, channels: 4, background: { ...red, alpha: 0 } } })
      .png()
      .toFile(join(clear, 'clear.png'))
    expect([...(await done((await done(imageFolder(clear))).rows([0]))).x0]).toEqual([1, 1, 1])
  })

  it('says which folder or file is not as it should be', async () => {
    const folder = await empty()
    expect(await imageFolder(folder)()).toMatchObject({ left: { _tag: 'DataError', path: folder } })
    await plain(2, 2, red).png().toFile(join(folder, 'a.png'))
    await plain(3, 2, red).png().toFile(join(folder, 'b.png'))
    const data = await done(imageFolder(folder))
    expect(await data.rows([0, 1])()).toMatchObject({ left: { path: join(folder, 'b.png') } })
    await writeFile(join(folder, 'b.png'), 'no image')
    expect(await data.rows([1])()).toMatchObject({ left: { _tag: 'DataError', path: join(folder, 'b.png') } })
    await mkdir(join(folder, 'class'))
    await plain(2, 2, red).png().toFile(join(folder, 'class/c.png'))
    expect(await imageFolder(folder)()).toMatchObject({ left: { path: folder } })
  })
})
