import type * as IO from 'fp-ts/lib/IO.js'

/** A person's wish that a command come to an end. */
export type Interruption = {
  /** Whether they have asked. */
  readonly requested: () => boolean
  /** Stops listening. */
  readonly dispose: () => void
}

/** Ctrl-C, the signal to terminate, and that of a terminal which closes or a connection which is lost. */
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

type Signal = (typeof signals)[number]

/** npm passes Ctrl-C on to a process that has already had it from the terminal: two signals this close are one wish. */
const echo = 700

/**
 * Listens for Ctrl-C, the signal to terminate and that of a lost terminal. The first is a wish, for the command to fulfil; the second ends
 * the process at once, by that signal: shells call it 130 and 143. A terminal that is lost is nobody's impatience, however often it is told.
 *
 * @param onFirst called at the first signal
 * @example
 * const interruption = listen((signal) => { processTerminal.tell(`${signal}: saving.`) })
 */
export const listen = (onFirst: (signal: Signal) => void): Interruption => {
  let since: number | undefined
  const dispose = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (signal: Signal): void => {
    if (since === undefined) {
      since = performance.now()
      onFirst(signal)
    } else if (signal !== 'SIGHUP' && performance.now() - since > echo) {
      // Not `process.exit`: it would take the engine's thread down in the middle of a run, which ends in a crash report.
      dispose()
      process.kill(process.pid, signal)
    }
  }
  for (const signal of signals) process.on(signal, onSignal)
  return {
    requested: () => since !== undefined,
    dispose,
  }
}

/**
 * For commands that have nothing to save: the same signals end the process at once, after some last words.
 *
 * @returns stops listening
 * @example
 * const dispose = lastWords(() => { processTerminal.tell('Stopped; nothing was written.') })
 */
export const lastWords = (say: () => void): IO.IO<void> => {
  const dispose = (): void => {
    for (const signal of signals) process.off(signal, onSignal)
  }
  const onSignal = (signal: Signal): void => {
    dispose()
    say()
    process.kill(process.pid, signal)
  }
  for (const signal of signals) process.on(signal, onSignal)
  return dispose
}
