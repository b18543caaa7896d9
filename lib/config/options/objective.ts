import { betaSchedules } from '../../path/beta-schedule.js'
import { parameterisations } from '../../types/index.js'
import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

const group = 'Objective'

/** What the model predicts, and on which noise path. */
export const objective = {
  prediction_type: option({
    group,
    kind: kinds.choice(parameterisations),
    value: 'flow_matching',
    meaning:
      'What the model predicts: the velocity of a rectified flow, or the noise, the v-prediction or the data of a discrete diffusion.',
  }),
  flow_schedule_shift: derivedOption({
    group,
    kind: kinds.orNull(kinds.number({ above: 0 }), 'not a flow, or flow_schedule_auto_shift'),
    text: '1 for flow_matching, else null',
    from: ({ prediction_type: type, flow_schedule_auto_shift: auto }) =>
      type === 'flow_matching' && !auto ? 1 : null,
    meaning:
      'Moves the timesteps of training and sampling towards noise (> 1) or data (< 1): σ ↦ s·σ / (1 + (s − 1)·σ). flow_matching only.',
  }),
  flow_schedule_auto_shift: option({
    group,
    kind: kinds.boolean,
    value: false,
    meaning:
      'Take the shift that FLUX takes for samples of this size, which grows with the number of patches of 2 × 2. flow_matching only.',
  }),
  beta_schedule: derivedOption({
    group,
    kind: kinds.orNull(kinds.choice(betaSchedules), 'a flow has none'),
    text: 'squaredcos_cap_v2, or null for flow_matching',
    from: ({ prediction_type }) => (prediction_type === 'flow_matching' ? null : 'squaredcos_cap_v2'),
    meaning:
      'The noise schedule of a discrete diffusion (1000 timesteps): every prediction_type but flow_matching.',
  }),
  beta_start: option<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0, below: 1 }), '0.0001 where the schedule has it'),
    value: null,
    meaning: 'The first beta of a linear or scaled_linear schedule.',
  }),
  beta_end: option<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0, below: 1 }), '0.02 where the schedule has it'),
    value: null,
    meaning: 'The last beta of a linear or scaled_linear schedule.',
  }),
  rescale_betas_zero_snr: option({
    group,
    kind: kinds.boolean,
    value: false,
    meaning:
      'Rescale the noise schedule so that its last timestep is pure noise, as sampling starts from. v_prediction and sample only: nothing can be told from pure noise by its noise.',
  }),
} as const
