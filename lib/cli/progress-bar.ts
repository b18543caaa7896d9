import { SingleBar } from 'cli-progress'
import { type Progress, progressText } from './progress.js'
import type { Terminal } from './terminal.js'

/** Shows progress as it happens. */
export type ProgressView = {
  readonly show: (progress: Progress) => void
  /** Shows the last progress, and leaves the screen to others. */
  readonly close: () => void
}

/** Milliseconds between lines where the output is no screen. */
const pause = 5000

/** A bar that is drawn again and again on one line, as wide as the screen allows. */
const bar = (): ProgressView => {
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
  let last: Progress | undefined
  let closed = false
  const payload = (progress: Progress): object => ({
    text: progressText(progress),
    columns: process.stderr.columns,
  })
  return {
    show: (progress) => {
      if (closed) return
      if (last === undefined) view.start(progress.total, progress.step, payload(progress))
      else view.update(progress.step, payload(progress))
      last = progress
    },
    close: () => {
      if (last !== undefined && !closed) view.stop()
      closed = true
    },
  }
}

/** Plain lines, one every few seconds: for files, pipes and services. */
const lines = (terminal: Terminal): ProgressView => {
  let shown: Progress | undefined
  let last: Progress | undefined
  const tell = (progress: Progress): void => {
    terminal.tell(progressText(progress))
    shown = progress
  }
  return {
    show: (progress) => {
      last = progress
      // The first step is worth a line: it says that training has begun, and how fast it goes.
      if (shown === undefined || progress.step === progress.from + 1 || progress.now - shown.now >= pause)
        tell(progress)
    },
    close: () => {
      if (last !== undefined && last !== shown) tell(last)
    },
  }
}

/**
 * A view of progress that suits the terminal: a bar on a screen, a line every few seconds elsewhere, without control
 * characters.
 *
 * @example
 * const view = progressView(processTerminal)
 */
export const progressView = (terminal: Terminal): ProgressView =>
  terminal.interactive ? bar() : lines(terminal)
