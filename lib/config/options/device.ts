import { devices } from '../../engine/device.js'
import { kinds } from '../kind.js'
import { option } from '../option.js'

/** The names of devices, and the word for the best that is there. */
export const deviceChoices = ['auto', ...devices] as const

/** The most steps that `superstep_steps` takes by itself. */
export const mostSuperstepSteps = 8

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
    kind: kinds.orAuto(kinds.integer({ min: 1, max: 64 }), 'what suits the device'),
    value: 'auto',
    aliases: ['steps_per_execution'],
    meaning: `Optimizer steps that the device takes in one run, rollouts included, so that weights and the optimizer's memory are copied to it and back only once for all of them: for CUDA, where every run copies them. The weights are those of single steps, to rounding; the graph, and the time to compile it, grow with the number. Checkpoints and sample grids cut a run short. \`auto\` is 1, on CUDA the most up to ${mostSuperstepSteps} that divides their intervals, fewer with long rollouts, which take long to compile, and 1 where other options want it so.`,
  }),
} as const
