import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'

/** A file as pieces that follow each other. */
export type Pieces = ReadonlyArray<Uint8Array>

/** Bytes that are hashed, written or read at a stretch: a few milliseconds of work, between which timers and signals have their turn. */
const stretch = 2 ** 22

function* stretches(pieces: Pieces): Generator<Uint8Array> {
  for (const piece of pieces)
    for (let start = 0; start < piece.length; start += stretch) yield piece.subarray(start, start + stretch)
}

/**
 * Writes pieces one after the other, a few megabytes at a time, so that nothing else has to wait for long.
 *
 * @returns their SHA-256 in hexadecimal
 * @example
 * declare const file: import('node:fs/promises').FileHandle
 * const digest: Promise<string> = writePieces(file, [Uint8Array.of(1, 2), Uint8Array.of(3)])
 */
export const writePieces = async (file: FileHandle, pieces: Pieces): Promise<string> => {
  const hash = createHash('sha256')
  for (const bytes of stretches(pieces)) {
    hash.update(bytes)
    for (let done = 0; done < bytes.length;) done += (await file.write(bytes, done)).bytesWritten
  }
  return hash.digest('hex')
}

/**
 * Reads the next bytes of a file into memory, a few megabytes at a time.
 *
 * @param hash told what was read
 * @returns how many there were: fewer than there is room for at the end of the file
 * @example
 * declare const file: import('node:fs/promises').FileHandle, hash: import('node:crypto').Hash
 * const count: Promise<number> = readBytes(file, new Uint8Array(8), hash)
 */
export const readBytes = async (file: FileHandle, into: Uint8Array, hash: Hash): Promise<number> => {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await file.read(into, done, Math.min(stretch, into.length - done))
    if (bytesRead === 0) break
    hash.update(into.subarray(done, done + bytesRead))
    done += bytesRead
  }
  return done
}
