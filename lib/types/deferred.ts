import type { ElementData, ElementType, Tensor, TensorOf } from './tensor.js'

/** Where a file holds the very bytes of a tensor, for whoever can take them from there. */
export type StoredAt = {
  /** An absolute folder: the root of the file system, or of the drive. */
  readonly root: string
  /** The file as seen from there, with forward slashes. */
  readonly location: string
  /** Bytes before it in the file. */
  readonly offset: number
}

/** A tensor of one of several types. */
type TensorOfEach<E extends ElementType> = { readonly [T in E]: TensorOf<T> }[E]

/** Only of tensors as they were made: a copy with other dimensions or elements lies nowhere. */
const places = new WeakMap<object, StoredAt>()
const known = new WeakSet<object>()

/**
 * A tensor whose elements are made when somebody asks for them, and kept only as long as somebody has them: so a model may be larger than
 * the memory that its weights would take. Asking twice may make them twice; they have to be the same.
 *
 * @param elements gives `size(dims)` elements
 * @param storedAt the file that has them, if one has
 * @example
 * const zeros = deferred('float32', [1024, 1024], () => new Float32Array(1024 * 1024))
 */
export const deferred = <E extends ElementType>(
  type: E,
  dims: ReadonlyArray<number>,
  elements: () => ElementData[E],
  storedAt?: StoredAt,
): TensorOfEach<E> => {
  let made: WeakRef<ElementData[E]> | undefined
  const tensor = {
    type,
    dims,
    get data() {
      const data = made?.deref() ?? elements()
      made = new WeakRef(data)
      return data
    },
  }
  known.add(tensor)
  if (storedAt !== undefined) places.set(tensor, storedAt)
  // The elements are of this type, which the compiler cannot follow through a union.
  return tensor
}

/**
 * The place on the disk that holds this tensor's bytes, undefined where there is none.
 *
 * @example
 * const place = storedAt(float32([1], [1])) // undefined
 */
export const storedAt = (tensor: Tensor): StoredAt | undefined => places.get(tensor)

/**
 * What is the same for tensors with the same elements: their data, or where these are not made yet the tensor itself.
 *
 * @example
 * const weight = float32([4], [1, 2, 3, 4])
 * const same = identityOf(weight) === identityOf({ ...weight, dims: [2, 2] }) // true
 */
export const identityOf = (tensor: Tensor): object => (known.has(tensor) ? tensor : tensor.data)
