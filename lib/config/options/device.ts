import { devices } from '../../engine/device.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

/** The names of devices, and the word for the best that is there. */
export const deviceChoices = ['auto', ...devices] as const

/** What training computes on. */
export const device = {
  device: option({
    group: 'Run',
    kind: kinds.choice(deviceChoices),
    value: 'auto',
    meaning:
      'What training computes on. `auto` takes CUDA where it works, else WebGPU on a graphics card, else the CPU; `deriva devices` lists what there is.',
  }),
} as const
