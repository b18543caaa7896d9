import { parameter, type Value } from '../onnx/index.js'
import { float32 } from '../types/index.js'
import type { Initialiser } from './initialise.js'

/**
 * Where the parameters of a module live: `scope.at('blocks').at(0).at('attention')` makes `blocks.0.attention.…`. Initial values
 * are drawn under the parameter's own name, so that adding a layer changes no other layer's.
 */
export type Scope = {
  readonly at: (name: string | number) => Scope
  /** A new weight. Making two under one name is a bug: they would be one weight to every checkpoint. */
  readonly parameter: (name: string, dims: ReadonlyArray<number>, initialise: Initialiser) => Value
}

/** FNV-1a, 32 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ byte, 0x01000193) >>> 0
  return h
}

/**
 * The outermost scope of a model.
 *
 * @param seed integer, 0 … 2⁵³−1: the same seed gives the same weights
 * @example
 * const bias = scope(1).at('head').parameter('bias', [10], zeros) // head.bias
 */
export const scope = (seed: number, prefix = ''): Scope => ({
  at: (name) => scope(seed, `${prefix}${name}.`),
  parameter: (name, dims, initialise) => {
    const full = prefix + name
    const key = { seed, purpose: 'initialisation', step: 0, sample: hash(full) } as const
    return parameter(full, float32(dims, initialise(dims, key)))
  },
})
