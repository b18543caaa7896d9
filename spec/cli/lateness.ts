import { readFileSync } from 'node:fs'

/** Milliseconds between ticks. */
const interval = 10

/**
 * For how long this thread has been ready to run in all, in milliseconds, while the processor was busy with others: the machine's doing, not
 * ours. 0 where the system does not tell.
 */
const waited = (): number => {
  try {
    const [, nanoseconds = '0'] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')
    return Number(nanoseconds) / 1e6
  } catch {
    return 0
  }
}

export type Lateness = {
  /** Milliseconds by which the latest tick came too late, less what the machine gave to others in that time. */
  readonly latest: number
  readonly ticks: number
}

/**
 * How late the timers of this thread are at worst while something goes on: the best of a few tries, since a busy machine may have other
 * surprises, and a thread that is held up is held up every time.
 *
 * @param work started anew for each try, and over when it is done; it says when to look, and when to look away before its end
 * @param enough a lateness that needs no further try
 */
export const lateness = async (
  work: (look: () => void, lookAway: () => void) => Promise<void>,
  enough: number,
  tries = 5,
): Promise<Lateness> => {
  let best: Lateness = { latest: Infinity, ticks: 0 }
  for (let i = 0; i < tries && best.latest >= enough; i++) {
    let [last, elsewhere, latest, ticks, looking] = [0, 0, 0, 0, false]
    const tick = (): void => {
      if (!looking) return
      const [now, taken] = [performance.now(), waited()]
      latest = Math.max(latest, now - last - interval - (taken - elsewhere))
      last = now
      elsewhere = taken
      ticks++
    }
    const timer = setInterval(tick, interval)
    const lookAway = (): void => {
      tick()
      looking = false
    }
    await work(() => {
      looking = true
      last = performance.now()
      elsewhere = waited()
    }, lookAway)
    lookAway()
    clearInterval(timer)
    if (latest < best.latest) best = { latest, ticks }
  }
  return best
}
