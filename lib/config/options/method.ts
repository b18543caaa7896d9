import type { BiasNormaliser } from '../../loss/defar.js'
import { type TrainingMethod, trainingMethods } from '../choices.js'
import { kinds, type OptionKind } from '../kind.js'
import { derivedOption, type Option, option } from '../option.js'

const group = 'Method'

/** The names as keys: the rooms that build graphs need not be loaded for them. */
const normalisers: Readonly<Record<BiasNormaliser, true>> = { sum: true, mean: true, max: true }
const normaliserNames = Object.keys(normalisers) as ReadonlyArray<BiasNormaliser>

/** The method that each of these options belongs to, and its default there. */
export const methodDefaults = {
  hastened_gamma: { method: 'hastened', value: 0.1 },
  dream_detail_preservation: { method: 'dream', value: 1 },
  mixflow_gamma: { method: 'mixflow', value: 0.8 },
  defar_alpha: { method: 'defar', value: 1 },
  defar_beta1: { method: 'defar', value: 10 },
  defar_beta2: { method: 'defar', value: 1 },
  defar_jump: { method: 'defar', value: 'flows' },
  defar_normaliser: { method: 'defar', value: 'mean' },
  defar_sign: { method: 'defar', value: 'absolute' },
} as const satisfies Record<string, { readonly method: TrainingMethod; readonly value: number | string }>

const owned = <A>(
  key: keyof typeof methodDefaults,
  value: A,
  kind: OptionKind<A>,
  meaning: string,
): Option<A | null> => {
  const { method } = methodDefaults[key]
  return derivedOption<A | null>({
    group,
    kind: kinds.orNull(kind, 'other methods'),
    text: `${JSON.stringify(value)} for ${method}; null for others`,
    from: ({ training_method: chosen }) => (chosen === method ? value : null),
    meaning,
  })
}

const own = methodDefaults

/** What the model is shown at a step, beside what scheduled sampling makes of it. */
export const method = {
  training_method: option({
    group,
    kind: kinds.choice(trainingMethods),
    value: 'standard',
    meaning:
      "What the model is shown: `standard` is noised data (and rollouts, where scheduled sampling is on); `hastened` shows a slightly cleaner point than it tells, which keeps samples as varied as the data, at no cost; `dream` adds its own error to input and target (epsilon only, one more evaluation a sample); `mixflow` shows a noisier point than it tells, at no cost; `defar` jumps ahead by the model's own velocity and trains there too (two more evaluations a sample, one with gradient). hastened, mixflow and defar are for flow_matching.",
  }),
  hastened_gamma: owned<number>(
    'hastened_gamma',
    own.hastened_gamma.value,
    kinds.number({ min: 0, max: 1 }),
    'How much cleaner the point that is shown may be, as a share of its σ.',
  ),
  dream_detail_preservation: owned<number>(
    'dream_detail_preservation',
    own.dream_detail_preservation.value,
    kinds.number({ min: 0 }),
    "How much of the error is left out at clean timesteps: its share is σ to this power. The paper's is 1.",
  ),
  mixflow_gamma: owned<number>(
    'mixflow_gamma',
    own.mixflow_gamma.value,
    kinds.number({ min: 0, max: 1 }),
    'How far towards pure noise the point that is shown may lie. The paper trains with timestep_sampler beta, flow_beta_schedule_alpha 1 and flow_beta_schedule_beta 2.',
  ),
  defar_alpha: owned<number>(
    'defar_alpha',
    own.defar_alpha.value,
    kinds.number({ min: 0 }),
    'Strength of the frequency compensation; 0 removes it, and one evaluation with it.',
  ),
  defar_beta1: owned<number>(
    'defar_beta1',
    own.defar_beta1.value,
    kinds.number({ min: 0 }),
    'Weight of the anti-drift term; 0 removes it.',
  ),
  defar_beta2: owned<number>(
    'defar_beta2',
    own.defar_beta2.value,
    kinds.number({ min: 0 }),
    'Weight of the frequency-compensated squared error.',
  ),
  defar_jump: owned<'flows' | 'stopped'>(
    'defar_jump',
    own.defar_jump.value,
    kinds.choice(['flows', 'stopped']),
    'Whether gradient flows through the jump into the first evaluation.',
  ),
  defar_normaliser: owned<BiasNormaliser>(
    'defar_normaliser',
    own.defar_normaliser.value,
    kinds.choice(normaliserNames),
    "What the bias is divided by, over each sample. The paper's own was not available: see docs/losses.md.",
  ),
  defar_sign: owned<'signed' | 'absolute'>(
    'defar_sign',
    own.defar_sign.value,
    kinds.choice(['signed', 'absolute']),
    'Whether the bias keeps its sign in the weight.',
  ),
  input_perturbation: option({
    group,
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0,
    meaning:
      "Noise that the target does not speak of, added to what the model is shown, as a share of the sample's own noise; 0.1 is usual, 0 is none. Costs nothing.",
  }),
  input_perturbation_steps: option({
    group,
    kind: kinds.integer({ min: 0 }),
    value: 0,
    meaning: 'Steps over which that noise fades away linearly; 0 keeps it.',
  }),
} as const
