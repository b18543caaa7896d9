import { add, div, min, mul, reduceSum, sqrt, sum, type Value } from '../onnx/index.js'

/** The Euclidean norm over all gradients together: a scalar. */
const globalNorm = (gradients: ReadonlyArray<Value>): Value =>
  sqrt(
    sum(
      gradients.map((g) =>
        reduceSum(
          mul(g, g),
          g.shape.map((_, axis) => axis),
          false,
        ),
      ),
    ),
  )

/**
 * Scales all gradients by one factor so that their global norm is at most `limit` (Pascanu et al. 2013, arXiv 1211.5063).
 * As in PyTorch the factor is min(1, limit / (norm + 1e-6)).
 *
 * @param limit `undefined` measures the norm and leaves the gradients as they are
 * @returns the gradients, and their norm before clipping as a scalar
 * @example
 * declare const gradients: ReadonlyArray<Value>
 * const { clipped, norm } = clipByGlobalNorm(gradients, 1)
 */
export const clipByGlobalNorm = (
  gradients: ReadonlyArray<Value>,
  limit: number | undefined,
): { readonly clipped: ReadonlyArray<Value>; readonly norm: Value } => {
  const norm = globalNorm(gradients)
  if (limit === undefined) return { clipped: gradients, norm }
  const factor = min(1, div(limit, add(norm, 1e-6)))
  return { clipped: gradients.map((g) => mul(g, factor)), norm }
}
