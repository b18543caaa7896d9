import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  advanced,
  durationText,
  type Progress,
  progressText,
  progressView,
  started,
  type Terminal,
} from '../../lib/cli/index.js'
import { metricsAt } from '../report/run.js'

/** Progress after steps that took these milliseconds each. */
const after = (times: ReadonlyArray<number>, total = 1000): Progress =>
  times.reduce<Progress>(
    (progress, time) => advanced(progress, metricsAt(progress.step + 1), progress.now + time),
    started({ from: 0, total, now: 0 }),
  )

describe('progress', () => {
  it('knows the speed of steady steps exactly, and what is left', () => {
    const progress = after(new Array<number>(100).fill(250))
    expect(progress.secondsPerStep).toBeCloseTo(0.25, 12)
    expect(progress.rolloutShare).toBeCloseTo(0.25, 12)
    expect(progressText(progress)).toBe(
      `step 100/1000 · loss ${progress.loss.toPrecision(3)} · 4.0 it/s · rollouts 25 % · 3 min 45 s left`,
    )
  })

  it('says that samples are drawn, and how many of them there are', () => {
    expect(progressText({ ...after([250, 250]), drawn: 0.251 })).toMatch(
      /^step 2\/1000 · loss \S+ · drawing samples: 25 % · 4\.0 it\/s/,
    )
  })

  it('keeps its averages within what was measured', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 200 }),
        (times) => {
          const { secondsPerStep } = after(times)
          expect(secondsPerStep).toBeGreaterThanOrEqual(Math.min(...times) / 1000 - 1e-9)
          expect(secondsPerStep).toBeLessThanOrEqual(Math.max(...times) / 1000 + 1e-9)
        },
      ),
    )
  })

  it('starts where a resumed run starts', () => {
    const resumed = advanced(started({ from: 500, total: 1000, now: 0 }), metricsAt(501, { loss: 0.5 }), 100)
    expect(progressText(resumed)).toContain('step 501/1000 · loss 0.500 · 10 it/s')
    expect(progressText(started({ from: 500, total: 1000, now: 0 }))).toBe('step 500/1000')
  })

  it('does not lose its averages to a loss that is not finite', () => {
    const progress = advanced(after([100, 100]), metricsAt(3, { loss: NaN }), 300)
    expect(Number.isFinite(progress.loss)).toBe(true)
  })

  it('tells times as people do', () => {
    expect([0.4, 42, 60, 188, 3599.6, 7500].map(durationText)).toEqual([
      '0 s',
      '42 s',
      '1 min 00 s',
      '3 min 08 s',
      '1 h 00 min',
      '2 h 05 min',
    ])
  })
})

describe('progressView', () => {
  const told = (): { readonly terminal: Terminal; readonly lines: ReadonlyArray<string> } => {
    const lines: string[] = []
    return {
      lines,
      terminal: {
        print: () => undefined,
        tell: (text) => void lines.push(text),
        interactive: false,
        columns: 80,
      },
    }
  }

  it('writes the first step, a line every few seconds, and the last step, where the output is no screen', () => {
    const { terminal, lines } = told()
    const view = progressView(terminal)
    let progress = started({ from: 0, total: 100, now: 0 })
    for (let step = 1; step <= 100; step++) {
      progress = advanced(progress, metricsAt(step), step * 200)
      view.show(progress)
    }
    view.close()
    view.close()
    expect(lines.map((line) => Number(/^step (\d+)/.exec(line)?.[1]))).toEqual([1, 26, 51, 76, 100])
  })

  it('writes nothing of a run without steps', () => {
    const { terminal, lines } = told()
    progressView(terminal).close()
    expect(lines).toEqual([])
  })
})
