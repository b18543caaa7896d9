import { setImmediate } from 'node:timers/promises'

/**
 * Pauses for long computations, in which timers and signals have their turn: to be awaited between parts of the work. It comes back at
 * once unless some milliseconds have passed since the last pause.
 *
 * @param milliseconds of work between pauses. Default 10
 * @example
 * const pause = breather()
 * for (let part = 0; part < 1000; part++) await pause()
 */
export const breather = (milliseconds = 10): (() => Promise<void>) => {
  let since = performance.now()
  return async () => {
    if (performance.now() - since < milliseconds) return
    await setImmediate()
    since = performance.now()
  }
}
