import * as E from 'fp-ts/lib/Either.js'
import { type Draft, file, smallBytes } from '../onnx/index.js'
import { byteLength, storedAt, type StoredAt, type Tensor } from '../types/index.js'

/** A model as a session is opened on it: a file of operators, and its large tensors apart from that, in memory or on the disk. */
export type ModelParts = {
  /** An ONNX file. */
  readonly model: Uint8Array
  /** The bytes of tensors that it refers to, by the location that it gives. */
  readonly beside: Readonly<Record<string, Uint8Array>>
  /** The folder that all other locations start from, and how many bytes of tensors the model has there. */
  readonly stored?: { readonly root: string; readonly bytes: number }
}

/** Writes tensors to the disk and says where each is, in their order. */
export type Storing = (tensors: ReadonlyArray<Tensor>) => Promise<ReadonlyArray<StoredAt>>

const total = (tensors: ReadonlyArray<Tensor>): number =>
  tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0)

/**
 * Takes a model apart, so that it has no limit of 2 GiB and its tensors are not copied more often than they have to be. ONNX Runtime takes
 * large ones either from memory, of which every session makes a copy, or from the disk, which it maps into memory: all sessions share
 * that. So they are handed over in memory as long as they are few, and from the disk where they are there anyway, or too many.
 *
 * @param inMemory the most bytes of large tensors that are handed over in memory
 * @param storing puts others on the disk
 * @example
 * const y = relu(input('x', 'float32', ['batch', 4]))
 * const parts = inParts(draft({ outputs: { y }, parameters: 'inputs' }), 2 ** 30, () => Promise.resolve([]))
 */
export const inParts = async (whole: Draft, inMemory: number, storing: Storing): Promise<ModelParts> => {
  const large = whole.tensors.map(({ tensor }) => tensor).filter((tensor) => byteLength(tensor) > smallBytes)
  const places = new Map(large.map((tensor) => [tensor, storedAt(tensor)]))
  const loose = large.filter((tensor) => places.get(tensor) === undefined)
  if (total(loose) > inMemory) {
    const made = await storing(loose)
    loose.forEach((tensor, i) => places.set(tensor, made[i]))
  }
  const roots = new Set([...places.values()].flatMap((place) => (place === undefined ? [] : [place.root])))
  // More than one drive: there is no folder that all files are in.
  const root = roots.size === 1 ? [...roots].at(0) : undefined
  const beside: Record<string, Uint8Array> = {}
  const pieces = file.piecesOf(whole, ({ tensor }) => {
    const place = places.get(tensor)
    const length = byteLength(tensor)
    if (root !== undefined && place !== undefined)
      return { location: place.location, offset: place.offset, length }
    // Either all that is apart is on the disk, or all is in memory.
    if (root !== undefined || length <= smallBytes) return undefined
    const location = `tensor-${Object.keys(beside).length}`
    beside[location] = file.bytesOf(tensor)
    return { location, offset: 0, length }
  })
  const model = file.joined(pieces)
  const found = large.filter((tensor) => places.get(tensor) !== undefined)
  return root === undefined ? { model, beside } : { model, beside, stored: { root, bytes: total(found) } }
}

/**
 * Finds the tensors of a model in parts again, as they are: nothing on the disk is read here.
 *
 * @example
 * declare const parts: ModelParts
 * const graph = decode(parts.model, { external: externalOf(parts) })
 */
export const externalOf =
  ({ beside, stored }: ModelParts): file.ReadExternal =>
  ({ location, offset, length }) => {
    if (Object.hasOwn(beside, location))
      return E.right({ read: () => new Uint8Array(beside[location]).buffer })
    return stored === undefined
      ? E.left({ _tag: 'GraphError', message: `there are no bytes "${location}"` })
      : E.right({
          read: () => {
            throw new Error(`${length} bytes of "${location}" are for the runtime to read`)
          },
          storedAt: { root: stored.root, location, offset },
        })
  }
