/**
 * What a denoiser predicts, given x_t = alpha·x0 + sigma·epsilon:
 *
 * - `epsilon`: the noise epsilon (Ho et al. 2020, arXiv 2006.11239)
 * - `v_prediction`: alpha·epsilon − sigma·x0 (Salimans & Ho 2022, arXiv 2202.00512)
 * - `sample`: the data x0
 * - `flow_matching`: the rectified-flow velocity epsilon − x0, pointing from data to noise (Liu et al. 2022, arXiv 2209.03003)
 *
 * The names are those users already have in their `prediction_type`.
 */
export type Parameterisation = (typeof parameterisations)[number]

export const parameterisations = ['epsilon', 'v_prediction', 'sample', 'flow_matching'] as const
