import { philox4x32 } from './philox.js'

/**
 * What a draw is for. Different purposes never share random words, so switching one feature on changes no draw of another.
 * The number is part of the stream's identity: never reuse or renumber one.
 */
export const purposes = {
  initialisation: 0,
  shuffle: 1,
  noise: 2,
  timestep: 3,
  rollout: 4,
  dropout: 5,
  prior: 6,
  solver: 7,
  data: 8,
  perturbation: 9,
  slowness: 10,
  renoising: 11,
  jump: 12,
  projection: 13,
  adapter_dropout: 14,
} as const

export type Purpose = keyof typeof purposes

/**
 * The name of a stream of random numbers. A draw is a function of its key and its index alone: not of the batch order, of
 * the packing, of other draws, or of a restart in between.
 */
export type Key = {
  /** Integer, 0 … 2⁵³−1. */
  readonly seed: number
  readonly purpose: Purpose
  /** Training step, or any other integer 0 … 2³²−1. */
  readonly step: number
  /** Sample id, or any other integer 0 … 2³²−1. */
  readonly sample: number
}

/** Fills `out` with the words of a key's stream, from block `first` on, four words a block. */
const drawn = ({ seed, purpose, step, sample }: Key, first: number, out: Uint32Array): Uint32Array =>
  philox4x32(
    [first, sample >>> 0, step >>> 0, purposes[purpose]],
    [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0],
    out,
  )

/** Where words wait to become numbers: those of one block, and as many as stay in the fastest memory. The next draw overwrites them. */
const single = new Uint32Array(4)
const many = new Uint32Array(2048)

type Floats = Float32Array | Float64Array

/** An array piece by piece, each with a word for every element: those of the key's stream from block `first` on. */
function* inPieces(key: Key, first: number, out: Floats): Generator<readonly [Floats, Uint32Array]> {
  for (let start = 0; start < out.length; start += many.length) {
    const piece = out.subarray(start, start + many.length)
    const blocks = Math.ceil(piece.length / 4)
    yield [piece, drawn(key, first + start / 4, many.subarray(0, 4 * blocks))]
  }
}

/**
 * A number uniform on [0, 1), with 53 random bits.
 *
 * @param index which number of the stream
 * @example
 * const u = uniform({ seed: 1, purpose: 'dropout', step: 0, sample: 42 })
 */
export const uniform = (key: Key, index = 0): number => {
  const [high, low] = drawn(key, index, single)
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

/**
 * Fills `out` with numbers uniform on [low, high), with the 24 random bits each that a float32 holds. Not those of `uniform`, and many
 * times as fast.
 *
 * @example
 * const shares = uniforms({ seed: 1, purpose: 'initialisation', step: 0, sample: 42 }, new Float32Array(784))
 */
export const uniforms = <A extends Floats>(key: Key, out: A, low = 0, high = 1): A => {
  const unit = (high - low) / 2 ** 24
  for (const [piece, words] of inPieces(key, 0, out))
    for (let i = 0; i < piece.length; i++) piece[i] = low + unit * (words[i] >>> 8)
  return out
}

/**
 * An integer uniform on 0 … n−1. The bias of scaling 53 bits is below n·2⁻⁵³.
 *
 * @example
 * const offset = integer({ seed: 1, purpose: 'rollout', step: 0, sample: 42 }, 11)
 */
export const integer = (key: Key, n: number, index = 0): number => Math.floor(uniform(key, index) * n)

/**
 * Fills `out[offset … offset+length−1]` with independent standard normal numbers (Box–Muller), and returns `out`.
 *
 * @param index which draw of this length from the stream
 * @example
 * const noise = normal({ seed: 1, purpose: 'noise', step: 0, sample: 42 }, new Float32Array(784))
 */
export const normal = <A extends Floats>(
  key: Key,
  out: A,
  offset = 0,
  length = out.length - offset,
  index = 0,
): A => {
  const first = index * Math.ceil(length / 4)
  for (const [piece, words] of inPieces(key, first, out.subarray(offset, offset + length)))
    for (let i = 0; i < piece.length; i += 2) {
      // (u + 1/2) / 2³² is never 0, so the logarithm is finite.
      const radius = Math.sqrt(-2 * Math.log((words[i] + 0.5) / 2 ** 32))
      const angle = (2 * Math.PI * words[i + 1]) / 2 ** 32
      piece[i] = radius * Math.cos(angle)
      if (i + 1 < piece.length) piece[i + 1] = radius * Math.sin(angle)
    }
  return out
}

/**
 * A uniformly random order of 0 … n−1 (Fisher–Yates).
 *
 * @example
 * const order = permutation({ seed: 1, purpose: 'shuffle', step: 0, sample: 0 }, 60_000)
 */
export const permutation = (key: Key, n: number): Uint32Array => {
  const order = Uint32Array.from({ length: n }, (_, i) => i)
  for (let i = n - 1; i > 0; i--) {
    const j = integer(key, i + 1, i)
    const swapped = order[i]
    order[i] = order[j]
    order[j] = swapped
  }
  return order
}
