import { constant, input, type Value } from '../../../lib/onnx/index.js'
import { fromNumbers } from '../../../lib/onnx/element.js'
import { size, type ElementType, type Tensor } from '../../../lib/types/index.js'

/** Stands for the symbol `b` where a graph is built with a symbolic batch: no other length drawn is 7. */
export const batch = 7

/** What leaves of a drawn graph are. */
export type LeafKind = 'input' | 'constant' | 'symbolic'

/** Numbers and leaves drawn from a seed: the same seed gives the same graph, whatever its leaves are. */
export class Draw {
  readonly feeds: Record<string, Tensor> = {}
  private count = 0

  constructor(
    private state: number,
    readonly leaves: LeafKind,
  ) {}

  /** Uniform in [0, 1): mulberry32. */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** An integer from low to high, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1))
  }

  boolean(): boolean {
    return this.uniform() < 0.5
  }

  pick<T>(choices: ReadonlyArray<T>): T {
    return choices[this.integer(0, choices.length - 1)]
  }

  /** An axis of a tensor with `rank` axes, sometimes counted from the end. */
  axis(rank: number): number {
    const axis = this.integer(0, rank - 1)
    return this.boolean() ? axis : axis - rank
  }

  /** Some axes, each once, in any order. */
  axes(rank: number): ReadonlyArray<number> {
    return this.shuffled(Array.from({ length: rank }, (_, i) => i)).slice(0, this.integer(1, rank))
  }

  shuffled<T>(list: ReadonlyArray<T>): ReadonlyArray<T> {
    return list
      .map((x) => ({ x, key: this.uniform() }))
      .sort((a, b) => a.key - b.key)
      .map(({ x }) => x)
  }

  /** A shape of the given rank; its first length may be the batch. */
  shape(lowest = 0, highest = 4): ReadonlyArray<number> {
    const rank = this.integer(lowest, highest)
    return Array.from({ length: rank }, (_, i) => (i === 0 && this.boolean() ? batch : this.integer(1, 4)))
  }

  /** A shape that broadcasts with the given one: leading axes dropped, some lengths 1. */
  partner(shape: ReadonlyArray<number>): ReadonlyArray<number> {
    const from = this.integer(0, shape.length)
    return shape.slice(from).map((dim) => (this.uniform() < 0.3 ? 1 : dim))
  }

  /** A leaf with elements from low to high. */
  tensor(shape: ReadonlyArray<number>, low = -3, high = 3, type: ElementType = 'float32'): Value {
    const integral = type !== 'float32'
    const values = Array.from({ length: size(shape) }, () =>
      integral ? this.integer(low, high) : low + this.uniform() * (high - low),
    )
    const tensor = fromNumbers(type, shape, values)
    if (tensor === undefined) throw new Error(`cannot draw ${type}`)
    if (this.leaves === 'constant') return constant(tensor)
    const name = `x${this.count++}`
    this.feeds[name] = tensor
    return input(
      name,
      type,
      shape.map((dim) => (this.leaves === 'symbolic' && dim === batch ? 'b' : dim)),
    )
  }

  /** Integers as a leaf: indices. */
  indices(shape: ReadonlyArray<number>, length: number): Value {
    return this.tensor(shape, -length, length - 1, 'int64')
  }
}
