import { open, rename, writeFile, type FileHandle } from 'node:fs/promises'
import { basename } from 'node:path'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { encode, encodeBeside, leaves, type Encodable, type SideBytes } from '../onnx/index.js'
import { type DataError, onFile } from './failure.js'

/** One write takes at most 2 GiB − 1 bytes on some systems. */
const longestWrite = 2 ** 30

/** ONNX files are protobuf, which ends at 2 GiB; what is not weights gets the rest. */
const largestFile = 1.5 * 2 ** 30

const weightBytes = (graph: Encodable): number =>
  leaves(Object.values(graph.outputs)).reduce(
    (sum, { node }) => (node.kind === 'parameter' ? sum + node.initial.data.byteLength : sum),
    0,
  )

const written = async (file: FileHandle, { offset, bytes }: SideBytes): Promise<void> => {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      Math.min(bytes.length - done, longestWrite),
      offset + done,
    )
    done += bytesWritten
  }
}

/**
 * Writes a model as an ONNX file; weights of more than 1.5 GiB into a second one beside it, `<path>.data`, which has to stay there. A file is
 * written under another name first, so that one that is cut off is never taken for a model.
 *
 * @param beside whether the weights stand beside the model; by default where they have to
 * @returns Left `DataError` where the disk refuses
 * @example
 * const y = relu(input('x', 'float32', ['batch', 4]))
 * const done = writeModelFile('runs/a/model.onnx', { outputs: { y }, parameters: 'initializers' })
 */
export const writeModelFile = (
  path: string,
  graph: Encodable,
  beside: boolean = weightBytes(graph) > largestFile,
): TE.TaskEither<DataError, void> => {
  const side = `${path}.data`
  return onFile(path, async () => {
    if (!beside) {
      await writeFile(`${path}.part`, encode(graph))
    } else {
      const encoded = encodeBeside(graph, basename(side))
      const file = await open(`${side}.part`, 'w')
      try {
        for (const slice of encoded.beside) await written(file, slice)
      } finally {
        await file.close()
      }
      await rename(`${side}.part`, side)
      await writeFile(`${path}.part`, encoded.model)
    }
    await rename(`${path}.part`, path)
  })
}
