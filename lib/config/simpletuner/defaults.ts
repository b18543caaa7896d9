import type { Said } from './translations.js'

/** A default of SimpleTuner's that differs from the one here, and where it matters. */
type Default = { readonly key: string; readonly value: unknown; readonly applies?: (said: Said) => boolean }

const isFlow = (said: Said): boolean => said.get('prediction_type') === 'flow_matching'
const isPolynomial = (said: Said): boolean => said.get('lr_scheduler') === 'polynomial'
/** The other type, LyCORIS, has a file of its own for what its adapters are like. */
const isLora = (said: Said): boolean =>
  said.get('model_type') === 'lora' && (said.get('lora_type') ?? 'standard') === 'standard'

const table: ReadonlyArray<Default> = [
  { key: 'timestep_sampler', value: 'logit_normal', applies: isFlow },
  {
    key: 'flow_schedule_shift',
    value: 3,
    applies: (said) => isFlow(said) && said.get('flow_schedule_auto_shift') !== true,
  },
  { key: 'train_batch_size', value: 4 },
  { key: 'learning_rate', value: 4e-7 },
  { key: 'lr_end', value: 4e-7, applies: isPolynomial },
  { key: 'lr_power', value: 0.8, applies: isPolynomial },
  { key: 'max_grad_norm', value: 2 },
  { key: 'grad_clip_method', value: 'value' },
  { key: 'use_ema', value: false },
  { key: 'ema_decay', value: 0.995, applies: (said) => said.get('use_ema') === true },
  { key: 'lora_dropout', value: 0.1, applies: isLora },
  { key: 'validation_num_inference_steps', value: 30 },
]

/**
 * What a SimpleTuner configuration means without saying it: SimpleTuner's defaults where those here are others.
 *
 * @param said what it says, in the names of the options here
 * @example
 * const assumed = simpleTunerDefaults(new Map([['prediction_type', 'epsilon']])) // use_ema: false, …
 */
export const simpleTunerDefaults = (said: Said): Readonly<Record<string, unknown>> =>
  table.reduce<Readonly<Record<string, unknown>>>(
    (found, { key, value, applies = () => true }) =>
      !said.has(key) && applies(said) ? { ...found, [key]: value } : found,
    {},
  )
