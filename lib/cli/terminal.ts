/** Where a command reports to: the only way that anything reaches a person. */
export type Terminal = {
  /** Results: one text, printed with a line break. */
  readonly print: (text: string) => void
  /** Progress, notes and errors; kept apart from results, so that those can be redirected. */
  readonly tell: (text: string) => void
  /** Whether notes go to a person's screen, where lines can be drawn again. */
  readonly interactive: boolean
  /** Characters in a line. */
  readonly columns: number
}

/** The terminal of this process: results to stdout, the rest to stderr. */
export const processTerminal: Terminal = {
  print: (text) => {
    process.stdout.write(`${text}\n`)
  },
  tell: (text) => {
    process.stderr.write(`${text}\n`)
  },
  interactive: process.stderr.isTTY,
  // A file has no width; a width that is pleasant to read will do.
  columns: process.stdout.isTTY && process.stdout.columns > 0 ? process.stdout.columns : 100,
}
