import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { fashionMnist } from '../../lib/data/index.js'

const images = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 255, 255, 0)
const labels = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 9, 3)

describe('fashionMnist', () => {
  it('reads packed and plain files, each part its own', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    await writeFile(join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(images))
    await writeFile(join(folder, 'train-labels-idx1-ubyte'), labels)
    const decoded = await fashionMnist('train', folder)()
    if (E.isLeft(decoded)) throw new Error(decoded.left.message)
    const { size, shape, label, read } = decoded.right
    expect({ size, shape, label: label(0) }).toEqual({ size: 2, shape: [1, 1, 2], label: 9 })
    const out = new Float32Array(2)
    read(1, out, 0)
    expect([...out]).toEqual([1, -1])
    expect(await fashionMnist('test', folder)()).toMatchObject({ left: { _tag: 'DataError', path: folder } })
  })

  it('says how to get the files where there are none, and which file is not what it should be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    const missing = await fashionMnist('test', folder)()
    if (E.isRight(missing)) throw new Error('an empty folder holds no clothes')
    expect(missing.left.message).toContain(join(folder, 't10k-images-idx3-ubyte'))
    expect(missing.left.message).toContain('apt-get install dataset-fashion-mnist')
    const broken = join(folder, 't10k-images-idx3-ubyte.gz')
    await writeFile(broken, 'not gzip')
    await writeFile(join(folder, 't10k-labels-idx1-ubyte'), labels)
    expect(await fashionMnist('test', folder)()).toMatchObject({ left: { _tag: 'DataError', path: broken } })
  })
})
