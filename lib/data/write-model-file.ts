import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { encodeBeside, encodePieces, leaves, type Encodable, type file } from '../onnx/index.js'
import { byteLength } from '../types/index.js'
import { type DataError, onFile } from './failure.js'

/** One write takes at most 2 GiB − 1 bytes on some systems. */
const longestWrite = 2 ** 30

/** ONNX files are protobuf, which ends at 2 GiB; what is not weights gets the rest. */
const largestFile = 1.5 * 2 ** 30

const tensorBytes = (graph: Encodable): number =>
  leaves(Object.values(graph.outputs)).reduce((sum, { node }) => {
    if (node.kind === 'parameter') return sum + byteLength(node.initial)
    return node.kind === 'constant' ? sum + byteLength(node.tensor) : sum
  }, 0)

/** Pieces without offsets stand one after the other. */
type Placed = file.Piece & { readonly offset?: number }

/** Writes a file that the disk has when this is done. */
const durably = async (path: string, pieces: ReadonlyArray<Placed>): Promise<void> => {
  const handle = await open(path, 'w')
  try {
    let end = 0
    for (const { offset = end, length, bytes } of pieces) {
      const all = bytes()
      for (let done = 0; done < length;) {
        const most = Math.min(length - done, longestWrite)
        done += (await handle.write(all, done, most, offset + done)).bytesWritten
      }
      end = offset + length
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The files beside a model that hold its tensors: usually one, two while it is replaced. */
const dataFiles = async (path: string): Promise<ReadonlyArray<string>> =>
  (await readdir(dirname(path))).filter(
    (name) => name.startsWith(`${basename(path)}.data`) && /\.data(-\d+)?$/.test(name),
  )

const freeName = (path: string, taken: ReadonlyArray<string>): string => {
  const first = `${basename(path)}.data`
  const names = [first, ...Array.from(taken, (_, i) => `${first}-${i + 2}`)]
  return names.find((name) => !taken.includes(name)) ?? first
}

/**
 * Writes a model as an ONNX file; one with more than 1.5 GiB of tensors as a small file and a second one beside it, `<path>.data`, which has to
 * stay there. Readers see the old model or the new one, never a part: the second file gets a name of its own where the old model still has
 * the usual one, whose file goes when the model is there.
 *
 * @param largest bytes of tensors that a single file may hold
 * @returns Left `DataError` where the disk refuses
 * @example
 * const y = relu(input('x', 'float32', ['batch', 4]))
 * const done = writeModelFile('runs/a/model.onnx', { outputs: { y }, parameters: 'initializers' })
 */
export const writeModelFile = (
  path: string,
  graph: Encodable,
  largest: number = largestFile,
): TE.TaskEither<DataError, void> => {
  const folder = dirname(path)
  const part = join(folder, `.${basename(path)}.writing`)
  const written = async (pieces: ReadonlyArray<Placed>, to: string): Promise<void> => {
    await durably(part, pieces)
    await rename(part, to)
  }
  return onFile(path, async () => {
    await mkdir(folder, { recursive: true })
    const old = await dataFiles(path)
    try {
      if (tensorBytes(graph) <= largest) await written(encodePieces(graph), path)
      else {
        const name = freeName(path, old)
        const { model, beside } = encodeBeside(graph, name)
        await written(beside, join(folder, name))
        await written([{ length: model.length, bytes: () => model }], path)
      }
    } finally {
      await rm(part, { force: true })
    }
    for (const name of old) await rm(join(folder, name), { force: true })
  })
}
