import type { TimestepSamplerName } from '../path/timestep-sampler.js'
import type { RegressionTarget } from '../rollout/corrected-target.js'
import type { OptimizerName } from '../train/optimizers.js'
import type { ScheduleName } from '../train/schedule.js'
import type { Parameterisation } from '../types/index.js'
import type { Renoising, TrainingMethod } from './choices.js'
import type { OptionKind } from './kind.js'

/** The headings under which help texts and docs/options.md list the options. */
export const optionGroups = [
  'Run',
  'Data',
  'Model',
  'Fine-tuning',
  'Objective',
  'Loss',
  'Method',
  'Optimizer',
  'Optimisation',
  'Scheduled sampling',
  'Checkpoints',
  'Validation',
] as const
export type OptionGroup = (typeof optionGroups)[number]

/** The options that defaults of other options are derived from. */
export type KnownOptions = {
  readonly seed: number
  readonly prediction_type: Parameterisation
  readonly caption_dropout_probability: number
  readonly lora_rank: number
  readonly flow_schedule_auto_shift: boolean
  readonly timestep_sampler: TimestepSamplerName
  readonly training_method: TrainingMethod
  readonly loss_type: 'l2' | 'huber' | 'smooth_l1'
  readonly use_soft_min_snr: boolean
  readonly optimizer: OptimizerName
  readonly lr_scheduler: ScheduleName
  readonly scheduled_sampling_target: RegressionTarget
  readonly scheduled_sampling_renoise: Renoising
  readonly scheduled_sampling_max_step_offset: number
  readonly scheduled_sampling_probability: number
  readonly scheduled_sampling_ramp_steps: number
  readonly scheduled_sampling_prob_start: number
  readonly scheduled_sampling_prob_end: number
}

/** A default that depends on other options. `null` in a configuration asks for it. */
export type DerivedDefault<A> = { readonly text: string; readonly from: (known: KnownOptions) => A }

/** One row of the table from which the codec, the flags, the help texts and docs/options.md are derived. */
export type Option<A> = {
  readonly group: OptionGroup
  readonly kind: OptionKind<A>
  readonly fallback: { readonly value: A } | DerivedDefault<A>
  /** What it does, its unit, and what it costs if it costs anything: one or two sentences. */
  readonly meaning: string
  /** Other spellings that are accepted. */
  readonly aliases: ReadonlyArray<string>
}

type Row<A> = {
  readonly group: OptionGroup
  readonly kind: OptionKind<A>
  readonly meaning: string
  readonly aliases?: ReadonlyArray<string>
}

/**
 * A row with a fixed default.
 *
 * @example
 * const row = option({ group: 'Run', kind: kinds.integer({ min: 0 }), value: 42, meaning: 'The seed.' })
 */
export const option = <A>({
  value,
  aliases = [],
  ...row
}: Row<A> & { readonly value: NoInfer<A> }): Option<A> => ({
  ...row,
  aliases,
  fallback: { value },
})

/**
 * A row whose default follows from other options.
 *
 * @example
 * const row = derivedOption({
 *   group: 'Validation',
 *   kind: kinds.integer({ min: 0 }),
 *   text: 'the value of `seed`',
 *   from: ({ seed }) => seed,
 *   meaning: 'The seed of the sample grids.',
 * })
 */
export const derivedOption = <A>({
  text,
  from,
  aliases = [],
  ...row
}: Row<A> & { readonly text: string; readonly from: (known: KnownOptions) => NoInfer<A> }): Option<A> => ({
  ...row,
  aliases,
  fallback: { text, from },
})

/** What an option's values are. */
export type ValueOf<O> = O extends Option<infer A> ? A : never
