import type { Parameterisation } from '../../types/index.js'

/** What is not here, by a name that decoding refuses. */
type Foreign = 'autoregressive_next_token' | 'edm'

/** What a family of models says about its objective. */
type Family = { readonly prediction_type: Parameterisation | Foreign } & Readonly<Record<string, unknown>>

const stableDiffusion = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 }

/** The families that are no flows, with the noise schedules that they are published with. */
const others: Readonly<Record<string, Family>> = {
  sd1x: { prediction_type: 'epsilon', ...stableDiffusion },
  sd2x: { prediction_type: 'v_prediction', ...stableDiffusion },
  sdxl: { prediction_type: 'epsilon', ...stableDiffusion },
  kolors: { prediction_type: 'epsilon', ...stableDiffusion, beta_end: 0.014 },
  pixart: { prediction_type: 'epsilon', beta_schedule: 'linear' },
  pixart_sigma: { prediction_type: 'epsilon', beta_schedule: 'linear' },
  stable_cascade: { prediction_type: 'epsilon', beta_schedule: 'squaredcos_cap_v2' },
  deepfloyd: { prediction_type: 'epsilon', beta_schedule: 'squaredcos_cap_v2' },
  cosmos: { prediction_type: 'edm' },
  cosmos2image: { prediction_type: 'edm' },
  heartmula: { prediction_type: 'autoregressive_next_token' },
}

/**
 * What the model family of a SimpleTuner configuration means for the objective: all families that are not listed are flows.
 *
 * @example
 * const { prediction_type } = familyObjective('sdxl') // 'epsilon'
 */
export const familyObjective = (family: unknown): Family =>
  typeof family === 'string' && Object.hasOwn(others, family)
    ? others[family]
    : { prediction_type: 'flow_matching' }
