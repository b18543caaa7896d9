import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Conditioning, Parameterisation } from '../types/index.js'
import type { Denoiser } from './denoiser.js'

/**
 * Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598, eq. 6 with scale = 1 + w): predictions are pushed from the
 * unconditional towards, and for scales above 1 beyond, the conditional one. Costs a second evaluation a sample unless scale is 1.
 *
 * @param scale 0 is unconditional, 1 the plain conditional prediction
 * @param unconditional the conditioning that stands for "anything", for the same rows
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const sharper = guided(denoiser, 2, (given) => ({ ...given, label: int64([1], [10]) }))
 */
export const guided = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  scale: number,
  unconditional: (given: Conditioning) => Conditioning,
): Denoiser<P> =>
  scale === 1
    ? denoiser
    : {
        parameterisation: denoiser.parameterisation,
        predict: (latents, timesteps, conditioning) =>
          pipe(
            TE.Do,
            TE.bind('given', () => denoiser.predict(latents, timesteps, conditioning)),
            TE.bind('anything', () => denoiser.predict(latents, timesteps, unconditional(conditioning))),
            TE.map(({ given, anything }) => anything.map((x, e) => x + scale * (given[e] - x))),
          ),
      }
