import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import type { Tensor } from '../types/index.js'
import { tensorOfBytes } from './safetensors.js'
import { decodeSafetensorsHeader, safetensorsHeaderEnd } from './safetensors-header.js'
import { readBytes } from './slices.js'

/** What was read, with the SHA-256 of the whole file in hexadecimal. */
type Read = { readonly tensors: Readonly<Record<string, Tensor>>; readonly digest: string }

const read = async (file: FileHandle): Promise<E.Either<string, Read>> => {
  const { size } = await file.stat()
  const hash = createHash('sha256')
  const start = new Uint8Array(Math.min(8, size))
  await readBytes(file, start, hash)
  const end = safetensorsHeaderEnd(start, size)
  if (E.isLeft(end)) return end
  const header = new Uint8Array(end.right)
  header.set(start)
  await readBytes(file, header.subarray(start.length), hash)
  const decoded = decodeSafetensorsHeader(header, size)
  if (E.isLeft(decoded)) return decoded
  const tensors = new Map<string, Tensor>()
  // Their data follow each other without gaps, so that all of the file is read in the order of its bytes.
  const entries = Object.entries(decoded.right.entries).sort(
    ([, a], [, b]) => a.start - b.start || a.end - b.end,
  )
  for (const [name, { type, dims, start: from, end: to }] of entries) {
    const bytes = new ArrayBuffer(to - from)
    if ((await readBytes(file, new Uint8Array(bytes), hash)) < to - from)
      return E.left(`cut off within "${name}" while it was read`)
    tensors.set(name, tensorOfBytes(type, dims, bytes))
  }
  return E.right({ tensors: Object.fromEntries(tensors), digest: hash.digest('hex') })
}

/**
 * Reads a safetensors file of any size, each tensor into memory of its own, and nothing twice; while it reads other things go on.
 *
 * @returns Left: what is wrong with the file, as the end of the sentence "<path>: …"; rejects where the disk fails
 * @example
 * const found: Promise<E.Either<string, unknown>> = readSafetensors('runs/a/checkpoint-000500/model.safetensors')
 */
export const readSafetensors = async (path: string): Promise<E.Either<string, Read>> => {
  const file = await open(path, 'r')
  try {
    return await read(file)
  } finally {
    await file.close()
  }
}
