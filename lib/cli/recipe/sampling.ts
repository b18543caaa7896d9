import type { Config } from '../../config/index.js'
import { ddpm, flow, type Path } from '../../path/index.js'
import { type Grid, shifted, trailing } from '../../solver/index.js'

/**
 * The path that a configuration samples on, and its grid of so many steps.
 *
 * @example
 * declare const config: Config
 * const { path, grid } = samplingOf(config, 20)
 */
export const samplingOf = (config: Config, steps: number): { readonly path: Path; readonly grid: Grid } => {
  if (config.prediction_type === 'flow_matching') {
    const path = flow()
    return { path, grid: shifted(path, trailing(path, steps), config.flow_schedule_shift ?? 1) }
  }
  const path = ddpmPath(config)
  return { path, grid: trailing(path, steps) }
}

/**
 * The path of a configuration that is no flow.
 *
 * @example
 * declare const config: Config
 * const path = ddpmPath(config)
 */
export const ddpmPath = (config: Config): Path<'ddpm'> =>
  // A configuration of this kind always has a schedule; the default is for the types.
  ddpm({ betaSchedule: config.beta_schedule ?? 'squaredcos_cap_v2' })
