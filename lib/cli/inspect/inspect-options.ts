import { kinds } from '../../config/kind.js'
import { commandOption, type Given } from '../command-options.js'

/** The options of `deriva inspect`. */
export const inspectOptions = {
  dims: commandOption(
    kinds.names('lengths by the name of the axis: height=64,width=64'),
    'open axes stay open, and costs are not told',
    'Numbers for axes that the file leaves open.',
  ),
  json: commandOption(kinds.boolean, 'text for people', 'Print JSON, for programs.'),
} as const

export type InspectOptions = Given<typeof inspectOptions>
