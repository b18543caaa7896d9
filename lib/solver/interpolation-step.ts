import type { Term, VectorSpace } from '../algebra/index.js'
import { moments, weights } from './exponential-adams.js'
import type { Ends, Frame } from './frame.js'
import type { Prediction } from './solver.js'

/**
 * One step in a frame, with the integral given as a weighted sum of predictions.
 *
 * @example
 * const path = flow()
 * const [from, to] = [path.at(500), path.at(400)]
 * const now = prediction(numberSpace, 'flow_matching', { x: 1, at: from }, 0.4)
 * const next = weightedStep(numberSpace, straightFrame, 1, { from, to }, [now], [to.sigma - from.sigma]) // 0.96
 */
export const weightedStep = <V>(
  V: VectorSpace<V>,
  { carry, gain, reading }: Frame,
  x: V,
  ends: Ends,
  known: ReadonlyArray<Prediction<V>>,
  weights: ArrayLike<number>,
): V => {
  const terms: Array<Term<V>> = [[carry(ends), x]]
  for (let j = 0; j < weights.length; j++) terms.push([gain(ends.to) * weights[j], reading(known[j])])
  return V.combine(terms)
}

/** How to weigh predictions at positions θ along a step of length h, from the moments of its integral. */
export type Weighing = (nodes: ReadonlyArray<number>, integral: Float64Array, h: number) => ArrayLike<number>

/**
 * One step with the polynomial through some predictions in place of the model: the Adams step of the frame, explicit when all lie
 * in the past and implicit (a corrector) when one was made at the step's end. The first must be at the step's start. Those infinitely
 * far away, made at alpha = 0, take no part: the limit of the formulas as that point recedes.
 *
 * @example
 * const path = flow()
 * const [from, to] = [path.at(500), path.at(400)]
 * const now = prediction(numberSpace, 'flow_matching', { x: 1, at: from }, 0.4)
 * const next = interpolationStep(numberSpace, straightFrame, 1, { from, to }, [now]) // 0.96
 */
export const interpolationStep = <V>(
  V: VectorSpace<V>,
  frame: Frame,
  x: V,
  ends: Ends,
  predictions: ReadonlyArray<Prediction<V>>,
  weigh: Weighing = weights,
): V => {
  const { from, to } = ends
  const start = frame.position(from)
  const h = frame.position(to) - start
  const known: Array<Prediction<V>> = []
  const nodes: Array<number> = []
  for (const prediction of predictions) {
    const { at } = prediction
    // At the ends h may be infinite, and the quotient no number.
    const theta = at === from ? 0 : at === to ? 1 : (frame.position(at) - start) / h
    if (!Number.isFinite(theta)) continue
    known.push(prediction)
    nodes.push(theta)
  }
  return weightedStep(V, frame, x, ends, known, weigh(nodes, moments(nodes.length, h, frame.rate), h))
}
