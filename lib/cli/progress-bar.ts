import { SingleBar } from 'cli-progress'
import { type Progress, progressText } from './progress.js'
import type { Terminal } from './terminal.js'

/** What a view has to know of any progress. */
export type Counted = Pick<Progress, 'step' | 'total' | 'from' | 'now'>

/** Shows progress as it happens. */
export type ProgressView<P = Progress> = {
  readonly show: (progress: P) => void
  /** A sentence that stays on the screen while progress goes on. */
  readonly note: (sentence: string) => void
  /** Shows the last progress, and leaves the screen to others. */
  readonly close: () => void
}

/** Milliseconds between lines where the output is no screen. */
const pause = 5000

/** A bar that is drawn again and again on one line, as wide as the screen allows. */
const bar = <P extends Counted>(terminal: Terminal, textOf: (progress: P) => string): ProgressView<P> => {
  const view = new SingleBar({
    stream: process.stderr,
    hideCursor: true,
    fps: 8,
    // Ctrl-C is for the command to answer.
    gracefulExit: false,
    linewrap: false,
    format: (_, { progress }, { text, columns }: { readonly text: string; readonly columns: number }) => {
      const width = Math.max(0, Math.min(32, columns - text.length - 3))
      const full = Math.round(progress * width)
      return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${text}`
    },
  })
  let last: P | undefined
  let closed = false
  const payload = (progress: P): object => ({
    text: textOf(progress),
    columns: process.stderr.columns,
  })
  return {
    show: (progress) => {
      if (closed) return
      if (last === undefined) view.start(progress.total, progress.step, payload(progress))
      else view.update(progress.step, payload(progress))
      last = progress
    },
    note: (sentence) => {
      const drawn = closed ? undefined : last
      if (drawn !== undefined) view.stop()
      terminal.tell(sentence)
      if (drawn !== undefined) view.start(drawn.total, drawn.step, payload(drawn))
    },
    close: () => {
      if (last !== undefined && !closed) view.stop()
      closed = true
    },
  }
}

/** Plain lines, one every few seconds: for files, pipes and services. */
const lines = <P extends Counted>(terminal: Terminal, textOf: (progress: P) => string): ProgressView<P> => {
  let shown: P | undefined
  let last: P | undefined
  const tell = (progress: P): void => {
    terminal.tell(textOf(progress))
    shown = progress
  }
  return {
    show: (progress) => {
      last = progress
      // The first step is worth a line: it says that training has begun, and how fast it goes.
      const first = progress.step === progress.from + 1 && shown?.step !== progress.step
      if (shown === undefined || first || progress.now - shown.now >= pause) tell(progress)
    },
    note: terminal.tell,
    close: () => {
      if (last !== undefined && last !== shown) tell(last)
    },
  }
}

/**
 * A view of some progress that suits the terminal: a bar on a screen, a line every few seconds elsewhere, without control
 * characters.
 *
 * @param textOf says in one line how far it is
 * @example
 * const view = viewOf(processTerminal, ({ step, total }: Counted) => `${step} of ${total}`)
 */
export const viewOf = <P extends Counted>(
  terminal: Terminal,
  textOf: (progress: P) => string,
): ProgressView<P> => (terminal.interactive ? bar(terminal, textOf) : lines(terminal, textOf))

/**
 * A view of how training goes on.
 *
 * @example
 * const view = progressView(processTerminal)
 */
export const progressView = (terminal: Terminal): ProgressView => viewOf(terminal, progressText)
