import type { Parameterisation } from '../../types/index.js'

/** What a family of models says about its objective. */
type Family = { readonly prediction_type: Parameterisation } & Readonly<Record<string, unknown>>

const stableDiffusion = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 }

/** The families that are no flows, with the noise schedules that they are published with. */
const discrete: Readonly<Record<string, Family>> = {
  sd1x: { prediction_type: 'epsilon', ...stableDiffusion },
  sd2x: { prediction_type: 'v_prediction', ...stableDiffusion },
  sdxl: { prediction_type: 'epsilon', ...stableDiffusion },
  kolors: { prediction_type: 'epsilon', ...stableDiffusion, beta_end: 0.014 },
  pixart_sigma: { prediction_type: 'epsilon', beta_schedule: 'linear' },
  deepfloyd: { prediction_type: 'epsilon', beta_schedule: 'squaredcos_cap_v2' },
}

/**
 * What the model family of a SimpleTuner configuration means for the objective: all families that are not listed are flows.
 *
 * @example
 * const { prediction_type } = familyObjective('sdxl') // 'epsilon'
 */
export const familyObjective = (family: unknown): Family =>
  typeof family === 'string' && Object.hasOwn(discrete, family)
    ? discrete[family]
    : { prediction_type: 'flow_matching' }
