import type { Parameterisation } from '../../types/index.js'

/** What is not here, by a name that decoding refuses. */
type Foreign = 'autoregressive_next_token' | 'edm'

/** What a family of models says about its objective. */
type Family = { readonly prediction_type: Parameterisation | Foreign } & Readonly<Record<string, unknown>>

const stableDiffusion = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 }

const flows = `
  ace_step anima auraflow boogu_image bria chroma cosmos3 ernie flux flux2 hidream hunyuanvideo ideogram infinitetalk kandinsky5_image
  kandinsky5_video krea2 longcat_image longcat_video ltxvideo ltxvideo2 lumina2 mageflow minimaxh3 minimaxmusic omnigen qwen_image sana
  sanavideo sd3 wan wan_s2v z_image z_image_omni zlab_i1`

/** Those that are no flows have the noise schedules that they are published with. */
const families: Readonly<Record<string, Family>> = {
  ...Object.fromEntries(
    flows
      .trim()
      .split(/\s+/)
      .map((name): readonly [string, Family] => [name, { prediction_type: 'flow_matching' }]),
  ),
  sdxl: { prediction_type: 'epsilon', ...stableDiffusion },
  sd1x: { prediction_type: 'epsilon', ...stableDiffusion },
  sd2x: { prediction_type: 'v_prediction', ...stableDiffusion },
  kolors: { prediction_type: 'epsilon', ...stableDiffusion, beta_end: 0.014 },
  pixart: { prediction_type: 'epsilon', beta_schedule: 'linear' },
  pixart_sigma: { prediction_type: 'epsilon', beta_schedule: 'linear' },
  stable_cascade: { prediction_type: 'epsilon', beta_schedule: 'squaredcos_cap_v2' },
  deepfloyd: { prediction_type: 'epsilon', beta_schedule: 'squaredcos_cap_v2' },
  cosmos: { prediction_type: 'edm' },
  cosmos2image: { prediction_type: 'edm' },
  heartmula: { prediction_type: 'autoregressive_next_token' },
}

/** The families of models that SimpleTuner has. */
export const familyNames: ReadonlyArray<string> = Object.keys(families)

/**
 * What the model family of a SimpleTuner configuration means for the objective.
 *
 * @param family its name, in any case, with dashes or underscores: there it may be written so
 * @returns undefined for a family that is not known
 * @example
 * const objective = familyObjective('SDXL') // { prediction_type: 'epsilon', … }
 */
export const familyObjective = (family: unknown): Family | undefined => {
  const name = typeof family === 'string' ? family.trim().toLowerCase().replaceAll('-', '_') : ''
  return Object.hasOwn(families, name) ? families[name] : undefined
}
