/** One summand of a linear combination: a real coefficient and a vector. */
export type Term<V> = readonly [coefficient: number, vector: V]

/**
 * What a solver may do with latents: form linear combinations. Written against this, a formula runs on numbers, arrays, symbols
 * and graph nodes alike.
 *
 * Laws, with ≈ the equality of the space:
 * - a single term: `combine([[1, v]]) ≈ v`
 * - order is irrelevant: `combine([s, t]) ≈ combine([t, s])`
 * - nesting multiplies out: `combine([[a, combine([[b, v], [c, w]])]]) ≈ combine([[a·b, v], [a·c, w]])`
 * - a vector may repeat: `combine([[a, v], [b, v]]) ≈ combine([[a + b, v]])`
 */
export type VectorSpace<V> = {
  /** Σ coefficient · vector over one or more terms. Arguments are never written to. */
  readonly combine: (terms: ReadonlyArray<Term<V>>) => V
}
