import { devices } from '../../engine/device.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

/** The names of devices, and the word for the best that is there. */
export const deviceChoices = ['auto', ...devices] as const

/** The steps that `superstep_steps` takes by itself where copies are to be saved: of 37 ms a step, copies are then 6. */
export const usualSuperstep = 32

/** What training computes on, and how much of it in one go. */
export const device = {
  device: option({
    group: 'Run',
    kind: kinds.choice(deviceChoices),
    value: 'auto',
    meaning:
      'What training computes on. `auto` takes CUDA where it works, else WebGPU on a graphics card, else the CPU; `deriva devices` lists what there is.',
  }),
  superstep_steps: option<number | 'auto'>({
    group: 'Run',
    kind: kinds.orAuto(kinds.integer({ min: 1, max: 1000 }), 'what suits the device'),
    value: 'auto',
    aliases: ['steps_per_execution'],
    meaning: `Optimizer steps that the device takes in one run, rollouts included, so that weights and the optimizer's memory are copied to it and back only once for all of them: for CUDA, where every run copies them. The weights are those of single steps, to rounding. Checkpoints and sample grids cut a run short; an interruption waits for its end. \`auto\` is 1, and ${usualSuperstep} on CUDA, unless rollouts are so long that compiling them into one graph takes long, or other options want single steps.`,
  }),
} as const
