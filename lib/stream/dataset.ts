import type { Batch, Parameterisation, Source } from '../types/index.js'
import { fromTaskEither, type Pipeline } from './pipeline.js'

/**
 * The start of a pipeline: the batch of the current step, pulled when the step begins and not before.
 *
 * @example
 * declare const source: Source
 * const pipeline = pipe(dataset(source), noised(flow()))
 */
export const dataset =
  <G extends string = never>(source: Source<G>): Pipeline<Parameterisation, Batch<G>> =>
  ({ state }) =>
    fromTaskEither(source(state.step))
