import type { OptimizerName } from '../../train/optimizers.js'
import { kinds, type OptionKind } from '../kind.js'
import { derivedOption, type Option, option } from '../option.js'

/** Where each optimizer's learning rate is a good start. The names are the table's keys: training's rooms need not be loaded for them. */
const learningRates: Readonly<Record<OptimizerName, number>> = {
  adamw: 5e-4,
  adam: 5e-4,
  sgd: 0.02,
  lion: 1e-4,
  adafactor: 5e-4,
  prodigy: 1,
}

/** The names, in the order of the table (whose keys are exactly these: it is a total record). */
export const optimizerNames = Object.keys(learningRates) as ReadonlyArray<OptimizerName>

/** What an option that belongs to some optimizers is where it does belong. */
type Owners<A> = Readonly<Partial<Record<OptimizerName, A>>>

const and = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`

/** 1e-6 rather than 0.000001. */
const textOf = (value: unknown): string =>
  typeof value === 'number' && value !== 0 && value < 1e-3 ? value.toExponential() : JSON.stringify(value)

/** A default for each optimizer, in words: those that share one together. */
const defaultsText = (defaults: ReadonlyArray<readonly [string, unknown]>): string => {
  const values = [...new Set(defaults.map(([, value]) => value))]
  return values
    .map(
      (value) =>
        `${textOf(value)} for ${and(defaults.filter(([, own]) => own === value).map(([name]) => name))}`,
    )
    .join(', ')
}

/** An option that only some optimizers have; for the others it is null, and they refuse any other value. */
const owned = <A>(
  owners: Owners<A | null>,
  kind: OptionKind<A>,
  meaning: string,
  aliases: ReadonlyArray<string> = [],
  /** What null means to the optimizers that have the option, where that is their default. */
  text?: string,
): Option<A | null> =>
  derivedOption<A | null>({
    group: 'Optimizer',
    kind: kinds.orNull(kind, text === undefined ? 'other optimizers' : `${text}, or other optimizers`),
    text: text === undefined ? `${defaultsText(Object.entries(owners))}; null for others` : `null (${text})`,
    from: ({ optimizer: name }) => owners[name] ?? null,
    meaning,
    aliases,
  })

const momentDecay = kinds.number({ min: 0, below: 1 })

/** Which optimizers have each option that not all of them have, and its default there. */
export const optimizerDefaults = {
  adam_beta1: { adamw: 0.9, adam: 0.9, lion: 0.9, prodigy: 0.9, adafactor: 0 },
  adam_beta2: { adamw: 0.999, adam: 0.999, prodigy: 0.999, lion: 0.99 },
  adam_epsilon: { adamw: 1e-8, adam: 1e-8, prodigy: 1e-8 },
  sgd_momentum: { sgd: 0.9 },
  sgd_nesterov: { sgd: false },
  adafactor_decay_rate: { adafactor: 0.8 },
  adafactor_clip_threshold: { adafactor: 1 },
  adafactor_scale_parameter: { adafactor: false },
  prodigy_beta3: { prodigy: null },
  prodigy_d0: { prodigy: 1e-6 },
  prodigy_d_coef: { prodigy: 1 },
  prodigy_growth_rate: { prodigy: null },
  prodigy_safeguard_warmup: { prodigy: false },
  prodigy_use_bias_correction: { prodigy: false },
} as const satisfies Record<string, Owners<number | boolean | null>>

const own = optimizerDefaults

/** The optimizer, its learning rate at the peak, and what is particular to it. */
export const optimizer = {
  optimizer: option({
    group: 'Optimizer',
    kind: kinds.choice(optimizerNames),
    value: 'adamw',
    meaning:
      'What makes a step of a gradient. adamw is the usual choice and keeps two tensors a weight; sgd and lion keep one, adafactor next to none, prodigy four (it finds its own step size).',
  }),
  learning_rate: derivedOption({
    group: 'Optimizer',
    kind: kinds.number({ above: 0 }),
    text: defaultsText(Object.entries(learningRates)),
    from: ({ optimizer: name }) => learningRates[name],
    meaning: 'The learning rate after warm-up.',
  }),
  adam_beta1: owned<number>(
    own.adam_beta1,
    momentDecay,
    'Decay of the first moment, a step (adafactor: of an average of updates, which 0 does without).',
    ['optimizer_beta1'],
  ),
  adam_beta2: owned<number>(own.adam_beta2, momentDecay, 'Decay of the second moment, a step.', [
    'optimizer_beta2',
  ]),
  adam_epsilon: owned<number>(
    own.adam_epsilon,
    kinds.number({ above: 0 }),
    'Added to the root of the second moment.',
  ),
  adam_weight_decay: derivedOption({
    group: 'Optimizer',
    kind: kinds.number({ min: 0 }),
    text: '0.01 for adamw, 0 for others',
    from: ({ optimizer: name }) => (name === 'adamw' ? 0.01 : 0),
    aliases: ['weight_decay'],
    meaning:
      'Weight decay: decoupled, so that weights shrink by learning rate × decay a step; for adam and sgd added to the gradient instead.',
  }),
  weight_decay_exclude: option({
    group: 'Optimizer',
    kind: kinds.choice(['vectors', 'nothing']),
    value: 'vectors',
    meaning:
      'What does not decay: `vectors` are biases, scales of norms and single numbers, which have no direction to forget.',
  }),
  sgd_momentum: owned<number>(
    own.sgd_momentum,
    momentDecay,
    'How much of the last velocity is kept, a step; 0 keeps no memory.',
  ),
  sgd_nesterov: owned<boolean>(own.sgd_nesterov, kinds.boolean, 'Look one step of momentum ahead.'),
  adafactor_decay_rate: owned<number>(
    own.adafactor_decay_rate,
    kinds.number({ min: 0, max: 1 }),
    'The second moment forgets as 1 − t^(−rate) at step t.',
  ),
  adafactor_clip_threshold: owned<number>(
    own.adafactor_clip_threshold,
    kinds.number({ above: 0 }),
    'Updates whose root mean square is above this are scaled down to it.',
  ),
  adafactor_scale_parameter: owned<boolean>(
    own.adafactor_scale_parameter,
    kinds.boolean,
    "Steps in proportion to a weight's own root mean square.",
  ),
  prodigy_beta3: owned<number>(
    own.prodigy_beta3,
    momentDecay,
    'Decay of the sums that the distance is estimated from.',
    [],
    'the root of adam_beta2',
  ),
  prodigy_d0: owned<number>(
    own.prodigy_d0,
    kinds.number({ above: 0 }),
    'The first estimate of the distance to the solution.',
  ),
  prodigy_d_coef: owned<number>(
    own.prodigy_d_coef,
    kinds.number({ above: 0 }),
    'Multiplies the step size that is found.',
  ),
  prodigy_growth_rate: owned<number>(
    own.prodigy_growth_rate,
    kinds.number({ min: 1 }),
    'The largest factor by which the step size may grow in a step.',
    [],
    'no limit',
  ),
  prodigy_safeguard_warmup: owned<boolean>(
    own.prodigy_safeguard_warmup,
    kinds.boolean,
    'Keep the learning rate out of the estimate, so that a long warm-up does not blow it up.',
  ),
  prodigy_use_bias_correction: owned<boolean>(
    own.prodigy_use_bias_correction,
    kinds.boolean,
    "Adam's correction of the moments' start.",
  ),
} as const
