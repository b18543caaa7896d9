import { rmSync } from 'node:fs'
import { type FileHandle, open, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, parse, relative, sep } from 'node:path'
import { file } from '../onnx/index.js'
import { byteLength, identityOf, type StoredAt } from '../types/index.js'
import type { Storing } from './parts.js'
import { queue } from './queue.js'

/** A file for tensors that are too large to be handed over in memory. */
export type Scratch = {
  /** Writes tensors, each once, one after the other. */
  readonly store: Storing
  /** Deletes the file; what sessions have mapped of it stays with them. */
  readonly remove: () => Promise<void>
}

const page = 4096

const nameOf = (process: number, number: number): string => `deriva-weights-${process}-${number}`

const isRunning = (process: number): boolean => {
  try {
    globalThis.process.kill(process, 0)
    return true
  } catch (cause) {
    return !(cause instanceof Error && 'code' in cause && cause.code === 'ESRCH')
  }
}

/** Deletes what processes have left that were killed. */
const swept = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) {
    const process = /^deriva-weights-(\d+)-\d+$/.exec(name)?.[1]
    if (process !== undefined && !isRunning(Number(process))) await rm(join(folder, name), { force: true })
  }
}

const written = async (handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> => {
  // One write takes at most 2 GiB − 1 bytes on some systems.
  for (let done = 0; done < bytes.length;)
    done += (await handle.write(bytes, done, Math.min(bytes.length - done, 2 ** 30), offset + done))
      .bytesWritten
}

let count = 0

/**
 * A file in a folder for temporary ones, made when it is needed. It goes when it is removed or the process ends; one whose process was killed goes
 * when somebody else makes one.
 *
 * @param folder by default the system's, which the variable TMPDIR names
 * @example
 * const { store } = scratch()
 */
export const scratch = (folder = tmpdir()): Scratch => {
  const path = join(folder, nameOf(process.pid, count++))
  const { root } = parse(path)
  const location = relative(root, path).split(sep).join('/')
  const places = new WeakMap<object, StoredAt>()
  const forget = (): void => {
    rmSync(path, { force: true })
  }
  const inTurn = queue()
  let end = 0
  const store: Storing = async (tensors) => {
    const fresh = tensors.filter((tensor) => !places.has(identityOf(tensor)))
    const needed = fresh.reduce((sum, tensor) => sum + byteLength(tensor), 0)
    await swept(folder)
    const { bavail, bsize } = await statfs(folder)
    if (bavail * bsize < needed)
      throw new Error(
        `${needed} bytes of weights need room in ${folder}, which has ${bavail * bsize}; TMPDIR may name a folder with more`,
      )
    if (end === 0) process.once('exit', forget)
    const handle = await open(path, end === 0 ? 'w' : 'r+')
    try {
      for (const tensor of fresh) {
        const offset = Math.ceil(end / page) * page
        await written(handle, file.bytesOf(tensor), offset)
        places.set(identityOf(tensor), { root, location, offset })
        end = offset + byteLength(tensor)
      }
    } finally {
      await handle.close()
    }
    return tensors.flatMap((tensor) => places.get(identityOf(tensor)) ?? [])
  }
  return {
    store: (tensors) => inTurn(() => store(tensors)),
    remove: () => {
      process.off('exit', forget)
      end = 0
      return rm(path, { force: true })
    },
  }
}
