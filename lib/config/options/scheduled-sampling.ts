import type { RegressionTarget } from '../../rollout/corrected-target.js'
import { rampShapeNames } from '../../rollout/ramp.js'
import { rolloutSources } from '../../rollout/source.js'
import { strategyNames } from '../../rollout/strategy.js'
import { solverNames } from '../../solver/registry.js'
import { renoisings } from '../choices.js'
import { kinds } from '../kind.js'
import { derivedOption, type KnownOptions, option } from '../option.js'

/**
 * Whether any sample of any step may be rolled out.
 *
 * @example
 * declare const config: Config
 * const active = rollsOut(config)
 */
export const rollsOut = (
  known: Pick<
    KnownOptions,
    | 'scheduled_sampling_max_step_offset'
    | 'scheduled_sampling_probability'
    | 'scheduled_sampling_ramp_steps'
    | 'scheduled_sampling_prob_start'
    | 'scheduled_sampling_prob_end'
  >,
): boolean =>
  known.scheduled_sampling_max_step_offset > 0 &&
  (known.scheduled_sampling_ramp_steps > 0
    ? Math.max(known.scheduled_sampling_prob_start, known.scheduled_sampling_prob_end) > 0
    : known.scheduled_sampling_probability > 0)

const group = 'Scheduled sampling'

/** Which samples are rolled out with the current weights, how far, and what is learnt from them. */
export const scheduledSampling = {
  scheduled_sampling_max_step_offset: option({
    group,
    kind: kinds.integer({ min: 0, max: 999 }),
    value: 0,
    meaning:
      'The longest rollout, in solver steps; each rolled-out sample draws its length from 0 … max, unless strategy says longest. 0 is off. A rollout of k steps costs k evaluations of the model on that sample, times the stages of the solver (rk4: 4).',
  }),
  scheduled_sampling_step_stride: option({
    group,
    kind: kinds.integer({ min: 1, max: 999 }),
    value: 1,
    meaning:
      'Timesteps that one rollout step covers. Longer strides drift as far as samplers with fewer steps do, at no more cost; long spans blur what is learnt.',
  }),
  scheduled_sampling_inference_steps: option<number | null>({
    group,
    kind: kinds.orNull(kinds.integer({ min: 1, max: 1000 }), 'steps of step_stride'),
    value: null,
    meaning:
      'Instead of a stride: roll out along the grid that a sampler with this many steps visits, shift included, so that training sees the errors of deployment. The cost a step is the same.',
  }),
  scheduled_sampling_source: option({
    group,
    kind: kinds.choice(rolloutSources),
    value: 'noised',
    meaning:
      "What a rollout starts from: the sample's own data, noised to the source time (as SimpleTuner does), or the model's own trajectory from pure noise. That takes the whole way down, and samples for which it is more than max_step_offset steps stay as they are.",
  }),
  scheduled_sampling_backprop: option({
    group,
    kind: kinds.integer({ min: 0, max: 64 }),
    value: 0,
    meaning:
      "How many of a rollout's last solver steps gradients flow through; 0 stops them at the rolled-out latents. Every sample of a batch then pays those steps in the training graph, forward and backward, in time and in memory.",
  }),
  scheduled_sampling_target: option<RegressionTarget>({
    group,
    kind: kinds.choice(['original', 'corrected']),
    value: 'original',
    meaning:
      'What is regressed where a rollout has drifted to: the target of the undrifted pair (as SimpleTuner does), or the one that leads from there to the data, (x̂ − x0)/σ for flows.',
  }),
  scheduled_sampling_target_sigma_floor: derivedOption<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0, max: 1 }), 'original targets'),
    text: '0.05 for corrected targets, else null',
    from: ({ scheduled_sampling_target: target }) => (target === 'corrected' ? 0.05 : null),
    meaning: 'Corrected targets divide by σ, or by this where σ is below it, so that they stay bounded.',
  }),
  scheduled_sampling_probability: option({
    group,
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0,
    meaning: 'The share of samples that are rolled out, from start_step on. Not used while ramp_steps > 0.',
  }),
  scheduled_sampling_ramp_steps: option({
    group,
    kind: kinds.integer({ min: 0 }),
    value: 0,
    meaning: 'Steps over which that share goes from prob_start to prob_end instead; 0 is no ramp.',
  }),
  scheduled_sampling_prob_start: option({
    group,
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0,
    meaning: 'The share up to the start of the ramp.',
  }),
  scheduled_sampling_prob_end: option({
    group,
    kind: kinds.number({ min: 0, max: 1 }),
    value: 0.5,
    meaning: 'The share from the end of the ramp on.',
  }),
  scheduled_sampling_start_step: option({
    group,
    kind: kinds.integer({ min: 0 }),
    value: 0,
    meaning: 'The step at which the ramp starts; without a ramp, the first step with rollouts.',
  }),
  scheduled_sampling_ramp_shape: option({
    group,
    kind: kinds.choice(rampShapeNames),
    value: 'linear',
    meaning: 'The shape of the ramp: `cosine` starts and ends gently.',
  }),
  scheduled_sampling_strategy: option({
    group,
    kind: kinds.choice(strategyNames),
    value: 'uniform',
    meaning:
      'How lengths are drawn from 0 … max: every length alike, mostly short (biased_early) or mostly long (biased_late) ones, or always the longest.',
  }),
  scheduled_sampling_sampler: option({
    group,
    kind: kinds.choice(solverNames),
    value: 'unipc',
    meaning: 'The solver of the rollout.',
  }),
  scheduled_sampling_order: option({
    group,
    kind: kinds.integer({ min: 1, max: 9 }),
    value: 2,
    meaning: 'The order of solvers that have a choice, such as unipc (1 to 9) and dpm (1 to 3).',
  }),
  scheduled_sampling_guidance: option({
    group,
    kind: kinds.number({ min: 0 }),
    value: 1,
    meaning:
      'Classifier-free guidance of the model while it rolls out: 1 is none, more pushes towards the class or other conditioning, as samples are drawn with it (SOAR has 4.5). The sample itself is trained without. Other values than 1 double the cost of a rollout: two evaluations a step.',
  }),
  scheduled_sampling_renoise: option({
    group,
    kind: kinds.choice(renoisings),
    value: 'none',
    meaning:
      'Take rolled-out samples back towards their own noise, to timesteps drawn between theirs and pure noise, where a drift made at clean timesteps can still be mended: `in_place` trains one such point instead of the sample, at no cost; `beside` trains renoise_points of them and the sample itself where it was before (SOAR). Goes with target corrected.',
  }),
  scheduled_sampling_renoise_points: derivedOption<number | null>({
    group,
    kind: kinds.orNull(kinds.integer({ min: 1, max: 64 }), 'other values of renoise'),
    text: '6 for renoise beside, else null',
    from: ({ scheduled_sampling_renoise: renoise }) => (renoise === 'beside' ? 6 : null),
    meaning:
      "Points beside each sample; SOAR's are 6. Each is an evaluation with gradient for every sample of every step, also where none is rolled out, and counts for those that are: probability 1 with strategy longest wastes none.",
  }),
  scheduled_sampling_renoise_weight: derivedOption<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0 }), 'other values of renoise'),
    text: '1 for renoise beside, else null',
    from: ({ scheduled_sampling_renoise: renoise }) => (renoise === 'beside' ? 1 : null),
    meaning: "What the mean error over those points weighs beside the sample's own.",
  }),
  scheduled_sampling_reflexflow: derivedOption({
    group,
    kind: kinds.boolean,
    text: 'true for flow_matching while scheduled sampling is active, else false',
    from: (known) => known.prediction_type === 'flow_matching' && rollsOut(known),
    meaning:
      'ReflexFlow losses: an anti-drift term on rolled-out samples and a frequency-compensated weight. flow_matching only. Costs one more evaluation of the model on each rolled-out sample.',
  }),
  scheduled_sampling_reflexflow_alpha: option({
    group,
    kind: kinds.number({ min: 0 }),
    value: 1,
    meaning: 'Strength of the frequency compensation.',
  }),
  scheduled_sampling_reflexflow_beta1: option({
    group,
    kind: kinds.number({ min: 0 }),
    value: 10,
    meaning: 'Weight of the anti-drift term; 0 removes it.',
  }),
  scheduled_sampling_reflexflow_beta2: option({
    group,
    kind: kinds.number({ min: 0 }),
    value: 1,
    meaning: 'Weight of the frequency-compensated squared error.',
  }),
} as const
