import { add, div, max, min, mul, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { PerSample } from './weighted.js'

const square = (value: Value): Value => mul(value, value)

/**
 * Min-SNR weighting (Hang et al. 2023, arXiv 2303.09556, section 3.4). With snr = alpha²/sigma², samples whose loss, seen as one in
 * x0, would weigh more than gamma are held at gamma:
 *
 *     epsilon       min(snr, gamma) / snr         1 at alpha = 0,  0 at sigma = 0
 *     v_prediction  min(snr, gamma) / (snr + 1)   0 at both
 *     sample        min(snr, gamma)               0 at alpha = 0,  gamma at sigma = 0
 *
 * Written without a quotient that could be 0/0, so all of these are values, not limits. Flow matching has no agreed form: its
 * loss is as if weighted already, and such a model is refused by the type. With zero terminal SNR the v weight takes the
 * pure-noise timestep out of training.
 *
 * @param gamma > 0; the paper's is 5
 * @example
 * const loss: Loss<'v_prediction'> = weighted(minSnr(5))(mse)
 */
export const minSnr =
  (gamma: number): PerSample<'epsilon' | 'v_prediction' | 'sample'> =>
  ({ parameterisation, alpha, sigma }) => {
    const data = square(alpha)
    const noise = square(sigma)
    const bound = mul(gamma, noise)
    switch (parameterisation) {
      case 'epsilon':
        return div(bound, max(bound, data))
      case 'v_prediction':
        return div(min(data, bound), add(data, noise))
      case 'sample':
        return div(mul(gamma, data), max(bound, data))
    }
  }

/**
 * Soft-min-SNR weighting as k-diffusion and SimpleTuner compute it,
 *
 *     (sigma · d)² / (sigma² + d²)²,
 *
 * with this path's own sigma in 0 … 1 (SimpleTuner's reading; k-diffusion has alpha = 1 throughout). 0 at sigma = 0, and largest,
 * 1/4, at sigma = d.
 *
 * @param sigmaData d, the standard deviation of the data; > 0
 * @example
 * const loss: Loss<'epsilon'> = weighted(softMinSnr({ sigmaData: 1 }))(mse)
 */
export const softMinSnr =
  ({ sigmaData = 1 }: { readonly sigmaData?: number } = {}): PerSample<Parameterisation> =>
  ({ sigma }) =>
    square(div(mul(sigma, sigmaData), add(square(sigma), sigmaData ** 2)))

/**
 * sigma²: counts what a prediction's error does to the data it stands for, since x0 is read off a velocity with factor sigma.
 * It also takes away what `corrected` targets, which divide by sigma, may add at nearly clean times.
 *
 * @example
 * const loss: Loss<'flow_matching'> = weighted(sigmaSquared)(mse)
 */
export const sigmaSquared: PerSample<Parameterisation> = ({ sigma }) => square(sigma)
