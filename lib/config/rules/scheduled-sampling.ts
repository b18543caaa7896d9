import { solvers } from '../../solver/registry.js'
import type { Rule } from './rule.js'

/** What solvers can do. */
export const scheduledSamplingRules: ReadonlyArray<Rule> = [
  {
    keys: ['scheduled_sampling_order', 'scheduled_sampling_sampler'],
    refuse: ({ scheduled_sampling_order: order, scheduled_sampling_sampler: sampler }) => {
      const { orders } = solvers[sampler]
      return orders.length > 1 && !orders.includes(order)
        ? `one of ${orders.join(', ')}, the orders of ${sampler}`
        : undefined
    },
  },
  {
    keys: ['scheduled_sampling_backprop', 'scheduled_sampling_max_step_offset'],
    refuse: ({ scheduled_sampling_backprop: steps, scheduled_sampling_max_step_offset: most }) =>
      most > 0 && steps > most
        ? `at most ${most}, the longest rollout (scheduled_sampling_max_step_offset)`
        : undefined,
  },
  ...(
    [
      ['scheduled_sampling_renoise', 'none'],
      ['input_perturbation', 0],
    ] as const
  ).map(([key, off]): Rule => ({
    keys: [key, 'scheduled_sampling_backprop'],
    refuse: (config) =>
      config.scheduled_sampling_backprop > 0 && config[key] !== off
        ? `${off}, since scheduled_sampling_backprop is ${config.scheduled_sampling_backprop}: where gradients flow through a rollout, nothing may move its latents afterwards`
        : undefined,
  })),
  {
    keys: ['scheduled_sampling_guidance', 'scheduled_sampling_backprop'],
    refuse: ({ scheduled_sampling_guidance: guidance, scheduled_sampling_backprop: steps }) =>
      steps > 0 && guidance !== 1
        ? `1, since scheduled_sampling_backprop is ${steps}: the steps that gradients flow through are the model's own, without guidance`
        : undefined,
  },
  ...(['scheduled_sampling_renoise_points', 'scheduled_sampling_renoise_weight'] as const).map(
    (key): Rule => ({
      keys: [key, 'scheduled_sampling_renoise'],
      refuse: (config) =>
        config[key] !== null && config.scheduled_sampling_renoise !== 'beside'
          ? `null, or leave it out: scheduled_sampling_renoise is ${config.scheduled_sampling_renoise}, and only beside has it`
          : undefined,
    }),
  ),
  {
    keys: [
      'scheduled_sampling_reflexflow_beta2',
      'scheduled_sampling_reflexflow_beta1',
      'scheduled_sampling_reflexflow',
    ],
    refuse: (config) =>
      config.scheduled_sampling_reflexflow &&
      config.scheduled_sampling_reflexflow_beta1 === 0 &&
      config.scheduled_sampling_reflexflow_beta2 === 0
        ? 'above 0, since scheduled_sampling_reflexflow_beta1 is 0 too: nothing would be learnt'
        : undefined,
  },
  {
    keys: ['scheduled_sampling_step_stride', 'scheduled_sampling_inference_steps'],
    refuse: ({ scheduled_sampling_step_stride: stride, scheduled_sampling_inference_steps: steps }) =>
      steps !== null && stride !== 1
        ? `1, or leave it out: scheduled_sampling_inference_steps ${steps} says how long a step is`
        : undefined,
  },
  {
    keys: ['scheduled_sampling_target_sigma_floor', 'scheduled_sampling_target'],
    refuse: ({ scheduled_sampling_target_sigma_floor: floor, scheduled_sampling_target: target }) =>
      floor !== null && target === 'original'
        ? 'null, or leave it out: scheduled_sampling_target is original, which divides by nothing'
        : undefined,
  },
]
