import { kinds } from '../config/kind.js'
import { commandOption, type Given } from './command-options.js'

/** The options of `deriva report`, from which flags and help are derived. */
export const reportOptions = {
  out: commandOption(
    kinds.text('the path of an HTML file'),
    'compare.html',
    'Where the page goes that compares runs; the report of a single run stays in its folder.',
  ),
} as const

export type ReportOptions = Given<typeof reportOptions>
