import { betaSchedules } from '../../path/beta-schedule.js'
import { parameterisations } from '../../types/index.js'
import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

/** What the model predicts, and on which noise path. */
export const objective = {
  prediction_type: option({
    group: 'Objective',
    kind: kinds.choice(parameterisations),
    value: 'flow_matching',
    meaning:
      'What the model predicts: the velocity of a rectified flow, or the noise, the v-prediction or the data of a discrete diffusion.',
  }),
  flow_schedule_shift: derivedOption({
    group: 'Objective',
    kind: kinds.orNull(kinds.number({ above: 0 }), 'not a flow'),
    text: '1 for flow_matching, else null',
    from: ({ prediction_type }) => (prediction_type === 'flow_matching' ? 1 : null),
    meaning:
      'Moves the timesteps of training and sampling towards noise (> 1) or data (< 1): σ ↦ s·σ / (1 + (s − 1)·σ). flow_matching only.',
  }),
  beta_schedule: derivedOption({
    group: 'Objective',
    kind: kinds.orNull(kinds.choice(betaSchedules), 'a flow has none'),
    text: 'squaredcos_cap_v2, or null for flow_matching',
    from: ({ prediction_type }) => (prediction_type === 'flow_matching' ? null : 'squaredcos_cap_v2'),
    meaning:
      'The noise schedule of a discrete diffusion (1000 timesteps): every prediction_type but flow_matching.',
  }),
} as const
