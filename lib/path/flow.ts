import type { Path } from './path.js'
import type { Point } from './point.js'

/**
 * The straight path of rectified flow: sigma = t / T and alpha = 1 − sigma, for real t in [0, T].
 * Source: Liu et al. 2022 (arXiv 2209.03003); Lipman et al. 2022 (arXiv 2210.02747) with data and noise swapped.
 *
 * @example
 * const { alpha, sigma } = flow().at(250) // 0.75, 0.25
 */
export const flow = ({ timesteps = 1000 }: { readonly timesteps?: number } = {}): Path<'flow'> => {
  const at = (timestep: number): Point => {
    if (!(timestep >= 0 && timestep <= timesteps))
      throw new RangeError(`A flow path has timesteps 0 … ${timesteps}, not ${timestep}`)
    const sigma = timestep / timesteps
    return { timestep, alpha: 1 - sigma, sigma }
  }
  return {
    family: 'flow',
    timesteps,
    clean: at(0),
    noisiest: at(timesteps),
    at,
    // From alpha / sigma = exp(lambda); each of the two written so that neither loses digits near its own zero.
    atLambda: (lambda) => {
      const sigma = 1 / (1 + Math.exp(lambda))
      return { timestep: sigma * timesteps, alpha: 1 / (1 + Math.exp(-lambda)), sigma }
    },
  }
}
