import type { Config } from '../../config/index.js'
import {
  defar,
  huber,
  huberSchedules,
  type JumpInput,
  type Loss,
  mean,
  minSnr,
  type Pointwise,
  reflexflow,
  sigmaSquared,
  smoothL1,
  softMinSnr,
  squaredError,
  weighted,
} from '../../loss/index.js'
import type { Parameterisation } from '../../types/index.js'
import type { Discrete } from './discrete.js'
import { present } from './present.js'

/** How an error counts, and its name in the metrics. */
type ErrorTerm = { readonly name: string; readonly pointwise: Pointwise<Parameterisation> }

const errorOf = ({ loss_type: type, huber_c: c, huber_schedule: schedule }: Config): ErrorTerm => {
  if (type === 'l2') return { name: 'mse', pointwise: squaredError }
  // Both have their values with these types; the defaults are for the types.
  const threshold = huberSchedules[schedule ?? 'snr'](c ?? 0.1)
  return { name: type, pointwise: type === 'huber' ? huber(threshold) : smoothL1(threshold) }
}

/** The weightings that are defined for every parameterisation; the rules leave one at most. */
const weightedAlike = <P extends Parameterisation, N extends string>(
  config: Config,
  loss: Loss<P, N>,
): Loss<P, N> => {
  if (config.use_sigma_squared_weighting) return weighted(sigmaSquared)(loss)
  if (config.use_soft_min_snr)
    return weighted(softMinSnr({ sigmaData: config.soft_min_snr_sigma_data ?? 1 }))(loss)
  return loss
}

/**
 * The loss of a flow-matching model.
 *
 * @example
 * declare const config: Config
 * const names = flowLoss(config).terms.map(({ name }) => name)
 */
export const flowLoss = (config: Config): Loss<'flow_matching'> => {
  const { name, pointwise } = errorOf(config)
  return weightedAlike(
    config,
    config.scheduled_sampling_reflexflow
      ? reflexflow({
          name,
          pointwise,
          alpha: config.scheduled_sampling_reflexflow_alpha,
          beta1: config.scheduled_sampling_reflexflow_beta1,
          beta2: config.scheduled_sampling_reflexflow_beta2,
        })
      : mean(name, pointwise),
  )
}

/**
 * The loss of a flow-matching model that jumps ahead (DEFAR).
 *
 * @example
 * declare const config: Config
 * const names = defarLoss(config).terms.map(({ name }) => name)
 */
export const defarLoss = (config: Config): Loss<'flow_matching', JumpInput> =>
  weightedAlike(
    config,
    defar(
      present({
        alpha: config.defar_alpha,
        beta1: config.defar_beta1,
        beta2: config.defar_beta2,
        jump: config.defar_jump,
        normaliser: config.defar_normaliser,
        sign: config.defar_sign,
      }),
    ),
  )

/**
 * The loss of a model of a discrete diffusion.
 *
 * @example
 * declare const config: Config
 * const names = discreteLoss(config).terms.map(({ name }) => name)
 */
export const discreteLoss = (config: Config): Loss<Discrete> => {
  const { name, pointwise } = errorOf(config)
  const loss: Loss<Discrete> = mean(name, pointwise)
  return config.snr_gamma > 0 ? weighted(minSnr(config.snr_gamma))(loss) : weightedAlike(config, loss)
}
