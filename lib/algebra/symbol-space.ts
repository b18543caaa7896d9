import type { Term, VectorSpace } from './vector-space.js'

/**
 * A vector nobody has computed: either an unknown, or a recorded combination of other symbols. Symbols form a DAG by reference;
 * two symbols are the same vector when they are the same object.
 */
export type Symbolic =
  | { readonly kind: 'unknown'; readonly name: string }
  | { readonly kind: 'combination'; readonly terms: ReadonlyArray<Term<Symbolic>> }

/**
 * A vector that stands for itself.
 *
 * @example
 * const x = unknown('x')
 */
export const unknown = (name: string): Symbolic => ({ kind: 'unknown', name })

/**
 * The free vector space: it computes nothing and remembers everything. Running a formula on it once yields its coefficients.
 *
 * @example
 * const midpoint = symbolSpace.combine([[0.5, unknown('x')], [0.5, unknown('y')]])
 */
export const symbolSpace: VectorSpace<Symbolic> = {
  combine: (terms) => ({ kind: 'combination', terms }),
}

/**
 * A symbol as coefficients over the unknowns it is made of, in order of first use; unknowns that cancel stay, with 0.
 *
 * @example
 * const x = unknown('x')
 * const doubled = coefficients(symbolSpace.combine([[1, x], [1, x]])) // Map { x → 2 }
 */
export const coefficients = (symbol: Symbolic): ReadonlyMap<Symbolic, number> => {
  const known = new Map<Symbolic, ReadonlyMap<Symbolic, number>>()
  const visit = (vector: Symbolic): ReadonlyMap<Symbolic, number> => {
    const before = known.get(vector)
    if (before !== undefined) return before
    const sum = new Map<Symbolic, number>()
    if (vector.kind === 'unknown') sum.set(vector, 1)
    else
      for (const [coefficient, part] of vector.terms)
        for (const [leaf, weight] of visit(part)) sum.set(leaf, (sum.get(leaf) ?? 0) + coefficient * weight)
    known.set(vector, sum)
    return sum
  }
  return visit(symbol)
}
