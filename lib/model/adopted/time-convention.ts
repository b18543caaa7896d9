/**
 * How a model is told the time:
 *
 * - `timestep`: 0 … 1000, as most models of diffusers
 * - `sigma`: 0 … 1, the timestep over 1000: the share of noise of a flow
 * - `data_share`: 1 … 0, one minus that: flows whose time runs from noise to data
 * - `log_snr`: log(alpha²/sigma²), as in Kingma et al. 2021 (arXiv 2107.00630)
 */
export const timeConventions = ['timestep', 'sigma', 'data_share', 'log_snr'] as const
export type TimeConvention = (typeof timeConventions)[number]
