import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { add, mul, sub } from '../onnx/index.js'
import {
  type Batch,
  type Conditioning,
  type ErrorOf,
  type Parameterisation,
  takeRows,
} from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import type { AskRows } from './packed.js'

/** How far predictions are pushed towards what they are conditioned on, and from what. */
export type Guidance = {
  /** 0 is unconditional, 1 the plain conditional prediction, more than 1 beyond it. */
  readonly scale: number
  /** What stands for "anything", by the name of the conditioning: one row [1, …] for all samples. */
  readonly empty: Conditioning
}

/**
 * Evaluations of the model that a guided prediction takes for each sample.
 *
 * @example
 * const twice = guidedEvaluations(4.5) // 2
 */
export const guidedEvaluations = (scale: number): number => (scale === 1 ? 1 : 2)

/**
 * Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598, eq. 6 with scale = 1 + w): predictions are pushed from the
 * unconditional towards, and for scales above 1 beyond, the conditional one. Costs a second evaluation a sample unless scale is 1.
 *
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const sharper = guided(denoiser, { scale: 2, empty: { label: int64([1], [10]) } })
 */
export const guided = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  { scale, empty }: Guidance,
): Denoiser<P> => {
  if (scale === 1) return denoiser
  const emptied = (given: Conditioning, count: number): Conditioning =>
    Object.fromEntries(
      Object.entries(given).map(([name, rows]) => [
        name,
        Object.hasOwn(empty, name) ? takeRows(empty[name], new Uint32Array(count)) : rows,
      ]),
    )
  return {
    parameterisation: denoiser.parameterisation,
    evaluations: guidedEvaluations(scale) * (denoiser.evaluations ?? 1),
    predict: (latents, timesteps, conditioning) =>
      pipe(
        TE.Do,
        TE.bind('given', () => denoiser.predict(latents, timesteps, conditioning)),
        TE.bind('anything', () =>
          denoiser.predict(latents, timesteps, emptied(conditioning, timesteps.length)),
        ),
        TE.map(({ given, anything }) => anything.map((x, e) => x + scale * (given[e] - x))),
      ),
  }
}

/**
 * The same in a graph.
 *
 * @param given asks the model with what samples are conditioned on
 * @param anything asks it with what stands for "anything"
 * @example
 * declare const given: AskRows, anything: AskRows
 * const ask = guidedInGraph(4.5, given, anything)
 */
export const guidedInGraph = (scale: number, given: AskRows, anything: AskRows): AskRows =>
  scale === 1
    ? given
    : (latents, timesteps, rows) => {
        const [towards, from] = [given(latents, timesteps, rows), anything(latents, timesteps, rows)]
        return add(from, mul(scale, sub(towards, from)))
      }

/**
 * The guidance of a batch, which brings what stands for "anything".
 *
 * @returns Left `DataError` where it does not, for all that its samples are conditioned on, or they are conditioned on nothing
 * @example
 * declare const batch: Batch
 * const guidance = guidanceOf(4.5, batch)
 */
export const guidanceOf = (
  scale: number,
  { conditioning, empty = {} }: Pick<Batch, 'conditioning' | 'empty'>,
): E.Either<ErrorOf<'DataError'>, Guidance> => {
  if (scale === 1) return E.right({ scale, empty: {} })
  const names = Object.keys(conditioning)
  const missing = names.filter((name) => !Object.hasOwn(empty, name))
  const refused = (message: string): E.Either<ErrorOf<'DataError'>, never> =>
    E.left({ _tag: 'DataError', message: `guidance ${scale} ${message}` })
  if (names.length === 0) return refused('has nothing to leave out: the samples are conditioned on nothing')
  return missing.length > 0
    ? refused(`needs batches with a row of ${missing.join(', ')} that stands for "nothing" (empty)`)
    : E.right({ scale, empty })
}
