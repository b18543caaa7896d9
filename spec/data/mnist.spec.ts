import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { datasetNames } from '../../lib/config/index.js'
import { decodeIdx, idxDataset, mnist, openDataset } from '../../lib/data/index.js'

describe('mnist', () => {
  it('has the digits', async () => {
    const decoded = await mnist('test')()
    if (E.isLeft(decoded)) throw new Error(decoded.left.message)
    const { size, shape, classes, label, read } = decoded.right
    expect({ size, shape, classes }).toEqual({ size: 10_000, shape: [1, 28, 28], classes: 10 })
    // The first ten test labels, as published.
    expect(Array.from({ length: 10 }, (_, i) => label(i))).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    const image = new Float32Array(784)
    read(0, image, 0)
    expect(Math.min(...image)).toBe(-1)
    expect(Math.max(...image)).toBeGreaterThan(0.9)
    // A seven: ink in the upper bar, none in the lower left corner.
    expect(image[8 * 28 + 14]).toBeGreaterThan(0.5)
    expect(image[25 * 28 + 3]).toBe(-1)
  })

  it('is among the datasets that a configuration can name, all of which have images and classes', async () => {
    for (const name of datasetNames) {
      const decoded = await openDataset({ dataset: name })()
      // Not an npm package: a machine without it is told how to get it.
      if (name === 'fashion-mnist' && E.isLeft(decoded))
        expect(decoded.left.message).toContain('apt-get install dataset-fashion-mnist')
      else if (E.isLeft(decoded)) throw new Error(decoded.left.message)
      else {
        expect(decoded.right.shape).toHaveLength(3)
        expect(decoded.right.classes).toBeGreaterThan(1)
      }
    }
  })
})

describe('decodeIdx', () => {
  const file = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 3, 5, 6, 7)

  it('reads dimensions and bytes', () => {
    expect(decodeIdx(file, 'f')).toEqual(E.right({ dims: [1, 3], bytes: Uint8Array.of(5, 6, 7) }))
  })

  it('refuses every cut, and every other start', () => {
    for (let length = 0; length < file.length; length++)
      expect(decodeIdx(file.subarray(0, length), 'f')).toMatchObject({
        left: { _tag: 'DataError', path: 'f' },
      })
    for (let i = 0; i < 3; i++)
      expect(
        E.isLeft(
          decodeIdx(
            file.map((b, j) => (i === j ? 9 : b)),
            'f',
          ),
        ),
      ).toBe(true)
  })
})

describe('idxDataset', () => {
  it('says which file is missing, or does not fit', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    const path = (name: string): string => join(folder, name)
    await writeFile(path('images'), Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 255))
    await writeFile(path('labels'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 9))
    await writeFile(path('three'), Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3))
    expect(await idxDataset('d', path('images'), path('labels'), 10)()).toMatchObject({
      right: { size: 2, shape: [1, 1, 1] },
    })
    expect(await idxDataset('d', path('images'), path('none'), 10)()).toMatchObject({
      left: { path: path('none') },
    })
    expect(await idxDataset('d', path('images'), path('three'), 10)()).toMatchObject({
      left: { path: path('three') },
    })
    expect(await idxDataset('d', path('labels'), path('labels'), 10)()).toMatchObject({
      left: { path: path('labels') },
    })
    expect(await idxDataset('d', path('images'), path('labels'), 9)()).toMatchObject({
      left: { path: path('labels') },
    })
  })
})
