import type { HuberSchedule } from '../../loss/huber.js'
import { kinds } from '../kind.js'
import { derivedOption, option } from '../option.js'

const group = 'Loss'

/** The names as keys: the rooms that build graphs need not be loaded for them. */
const huberSchedules: Readonly<Record<HuberSchedule, true>> = { constant: true, exponential: true, snr: true }
const huberScheduleNames = Object.keys(huberSchedules) as ReadonlyArray<HuberSchedule>

/** How an error counts, and at which noise levels. */
export const loss = {
  loss_type: option({
    group,
    kind: kinds.choice(['l2', 'huber', 'smooth_l1']),
    value: 'l2',
    meaning:
      'How an error counts: its square, or (huber, smooth_l1) its square up to about huber_c and its size beyond, which outliers cannot rule.',
  }),
  huber_c: derivedOption<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0 }), 'l2'),
    text: '0.1 for huber and smooth_l1; null for l2',
    from: ({ loss_type: type }) => (type === 'l2' ? null : 0.1),
    meaning: 'Where huber and smooth_l1 go over from the square to the size.',
  }),
  huber_schedule: derivedOption<HuberSchedule | null>({
    group,
    kind: kinds.orNull(kinds.choice(huberScheduleNames), 'l2'),
    text: 'snr for huber and smooth_l1; null for l2',
    from: ({ loss_type: type }) => (type === 'l2' ? null : 'snr'),
    meaning:
      'Whether that point is the same at all noise levels, or goes from 1 at clean timesteps down to huber_c in pure noise (exponential in the timestep, or with the signal-to-noise ratio).',
  }),
  snr_gamma: option({
    group,
    kind: kinds.number({ min: 0 }),
    value: 0,
    meaning:
      'Min-SNR weighting: timesteps whose signal-to-noise ratio is above this count no more than at it. 5 is usual; 0 is no weighting. Not for flow_matching.',
  }),
  use_soft_min_snr: option({
    group,
    kind: kinds.boolean,
    value: false,
    meaning: 'The softer form of that weighting, (σ·d)² / (σ² + d²)² with d = soft_min_snr_sigma_data.',
  }),
  soft_min_snr_sigma_data: derivedOption<number | null>({
    group,
    kind: kinds.orNull(kinds.number({ above: 0 }), 'without use_soft_min_snr'),
    text: '1 with use_soft_min_snr, else null',
    from: ({ use_soft_min_snr: soft }) => (soft ? 1 : null),
    meaning: 'The standard deviation of the data.',
  }),
  use_sigma_squared_weighting: option({
    group,
    kind: kinds.boolean,
    value: false,
    meaning:
      'Weight every sample by σ²: what an error does to the data it stands for. It quiets nearly clean timesteps, where corrected targets and ReflexFlow directions are least certain.',
  }),
} as const
