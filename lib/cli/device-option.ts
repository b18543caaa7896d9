import { deviceChoices } from '../config/options/device.js'
import { kinds } from '../config/kind.js'
import { commandOption } from './command-options.js'

/** The option of every command that runs a model. */
export const deviceOption = commandOption(
  kinds.choice(deviceChoices),
  'auto',
  'What to compute on: auto takes CUDA where it works, else WebGPU on a graphics card, else the CPU; deriva devices lists what there is.',
)
