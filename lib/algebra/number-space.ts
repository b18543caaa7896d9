import type { VectorSpace } from './vector-space.js'

/**
 * The real line: one pixel is the smallest latent.
 *
 * @example
 * const mean = numberSpace.combine([[0.5, 3], [0.5, 5]]) // 4
 */
export const numberSpace: VectorSpace<number> = {
  combine: (terms) => terms.reduce((sum, [coefficient, x]) => sum + coefficient * x, 0),
}
