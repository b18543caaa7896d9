import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { type DatasetSource, imageFolder, openDataset } from '../../lib/data/index.js'
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
      classNames: ['birds', 'cats'],
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

  it('follows links, to folders as to images, and says what it leaves out', async () => {
    const [shared, folder] = [await empty(), await empty()]
    await plain(2, 3, red).png().toFile(join(shared, '1.png'))
    for (const name of ['dogs', 'dogs/more', 'birds']) await mkdir(join(folder, name))
    await symlink(join(shared, '1.png'), join(folder, 'dogs/1.png'))
    await symlink(shared, join(folder, 'cats'))
    const data = await done(openDataset({ dataset: folder }))
    expect(data).toMatchObject({
      size: 2,
      classes: 2,
      notes: [`${folder} has 2 images; left out: 1 deeper folder (such as ${join(folder, 'dogs/more')}).`],
    })
    for (const name of ['read.me', '.hidden', 'birds/b.bmp']) await writeFile(join(folder, name), '')
    expect((await done(imageFolder(folder))).notes?.join()).toContain(
      `left out: 2 other files (such as ${join(folder, 'read.me')}), 1 deeper`,
    )
    expect((await done(imageFolder(shared))).notes).toEqual([])
  })

  it('reads TIFF, GIF and AVIF too', async () => {
    const folder = await empty()
    const image = plain(2, 2, red)
    await image.tiff().toFile(join(folder, 'a.tif'))
    await image.gif().toFile(join(folder, 'b.gif'))
    await image.avif({ lossless: true }).toFile(join(folder, 'c.avif'))
    const { x0 } = await done((await done(imageFolder(folder))).rows([0, 1, 2]))
    for (let i = 0; i < 3; i++)
      expect([...x0.subarray(12 * i, 12 * i + 12)].map(Math.round)).toEqual([
        ...[1, 1, 1, 1],
        ...new Array<number>(8).fill(-1),
      ])
  })

  it('makes grey of colours as PIL does', async () => {
    const folder = await empty()
    const colours: ReadonlyArray<readonly [Colour, number]> = [
      [red, 76],
      [{ r: 0, g: 255, b: 0 }, 150],
      [{ r: 0, g: 0, b: 255 }, 29],
      [{ r: 10, g: 200, b: 77 }, 129],
      [{ r: 93, g: 93, b: 93 }, 93],
    ]
    for (const [i, [colour]] of colours.entries())
      await plain(1, 1, colour)
        .png()
        .toFile(join(folder, `${i}.png`))
    const data = await done(imageFolder(folder, { mode: 'grey' }))
    const { x0 } = await done(data.rows(colours.map((_, i) => i)))
    expect([...x0].map((x) => Math.round(((x + 1) / 2) * 255))).toEqual(colours.map(([, luma]) => luma))
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

  it('says of other data that images alone have a resolution and a mode', async () => {
    const notes = async (source: DatasetSource): Promise<ReadonlyArray<string> | undefined> =>
      (await done(openDataset(source))).notes
    expect(await notes({ dataset: 'shapes', resolution: 16, image_mode: 'grey' })).toEqual([
      'resolution, image_mode do nothing: shapes is no folder of images.',
    ])
    expect(await notes({ dataset: 'shapes', resolution: null, image_mode: 'rgb' })).toBe(undefined)
    const folder = await empty()
    await plain(2, 2, red).png().toFile(join(folder, 'a.png'))
    expect(await notes({ dataset: folder, resolution: 1 })).toEqual([])
  })

  it('takes no single file, and names the folder of an image', async () => {
    const folder = await empty()
    const allowed = async (name: string): Promise<string | undefined> => {
      const opened = await openDataset({ dataset: join(folder, name) })()
      return E.isLeft(opened) && opened.left._tag === 'ConfigError'
        ? opened.left.problems[0]?.allowed
        : undefined
    }
    expect(await allowed('a.png')).toMatch(/there is no such file or folder$/)
    await plain(2, 2, red).png().toFile(join(folder, 'a.png'))
    expect(await allowed('a.png')).toMatch(`a file of another kind: the folder of the images is ${folder}`)
    await writeFile(join(folder, 'a.txt'), '')
    expect(await allowed('a.txt')).toMatch(/a file of another kind$/)
  })
})
