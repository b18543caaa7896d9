import { kinds } from '../kind.js'
import { option } from '../option.js'

/** What training computes on. */
export const device = {
  device: option({
    group: 'Run',
    kind: kinds.choice(['auto', 'cpu', 'cuda', 'webgpu']),
    value: 'auto',
    meaning:
      'What training computes on. `auto` takes CUDA where it works, else WebGPU on a graphics card, else the CPU; `deriva devices` lists what there is.',
  }),
} as const
