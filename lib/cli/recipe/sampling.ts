import type { Config, DatasetFacts } from '../../config/index.js'
import { ddpm, dynamicShift, flow, type Path, tokensOf } from '../../path/index.js'
import { type Grid, shifted, trailing } from '../../solver/index.js'
import { present } from './present.js'

/** The path of every flow. */
export const flowPath: Path<'flow'> = flow()

/**
 * How far a configuration (`settled`) moves the timesteps of a flow towards noise; 1, which is not at all, for what is no flow.
 *
 * @example
 * declare const config: Config
 * const shift = shiftOf(config)
 */
export const shiftOf = ({ flow_schedule_shift: shift }: Config): number => shift ?? 1

/**
 * A configuration with what its dataset decides: how far flow_schedule_auto_shift moves the timesteps. It is for use, not for config.json.
 *
 * @example
 * declare const config: Config, dataset: DatasetFacts
 * const { flow_schedule_shift } = settled(config, dataset)
 */
export const settled = (config: Config, { shape }: Pick<DatasetFacts, 'shape'>): Config =>
  config.flow_schedule_auto_shift ? { ...config, flow_schedule_shift: dynamicShift(tokensOf(shape)) } : config

/**
 * The path that a configuration samples on, and its grid of so many steps.
 *
 * @example
 * declare const config: Config
 * const { path, grid } = samplingOf(config, 20)
 */
export const samplingOf = (config: Config, steps: number): { readonly path: Path; readonly grid: Grid } => {
  if (config.prediction_type !== 'flow_matching') {
    const path = ddpmPath(config)
    return { path, grid: trailing(path, steps) }
  }
  return { path: flowPath, grid: shifted(flowPath, trailing(flowPath, steps), shiftOf(config)) }
}

/**
 * The path of a configuration that is no flow.
 *
 * @example
 * declare const config: Config
 * const path = ddpmPath(config)
 */
export const ddpmPath = (config: Config): Path<'ddpm'> =>
  ddpm({
    // A configuration of this kind always has a schedule; the default is for the types.
    betaSchedule: config.beta_schedule ?? 'squaredcos_cap_v2',
    rescaleZeroTerminalSnr: config.rescale_betas_zero_snr,
    ...present({ betaStart: config.beta_start, betaEnd: config.beta_end }),
  })
