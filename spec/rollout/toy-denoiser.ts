import type { Denoiser } from 'deriva/rollout'
import type { Parameterisation } from 'deriva/types'
import * as TE from 'fp-ts/lib/TaskEither.js'

/** A nonlinear denoiser in plain JavaScript that records the size of every call. Elementwise, so any shape will do. */
export const toyDenoiser = <P extends Parameterisation>(
  parameterisation: P,
): Denoiser<P> & { readonly calls: ReadonlyArray<number> } => {
  const calls: number[] = []
  return {
    parameterisation,
    calls,
    predict: (latents, timesteps, conditioning) => {
      calls.push(timesteps.length)
      const elements = latents.length / timesteps.length
      const label = Object.entries(conditioning).find(([name]) => name === 'label')?.[1].data
      return TE.right(
        latents.map((x, e) => {
          const i = Math.floor(e / elements)
          return Math.tanh(x) * timesteps[i] * 1e-3 + 0.1 * Number(label?.[i] ?? 0)
        }),
      )
    },
  }
}
