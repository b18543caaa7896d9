import { describe, expect, it } from 'vitest'
import { exactEnd, perfectDenoiser, twoPeaks } from '../../lib/laws/index.js'
import { ddpm, flow } from '../../lib/path/index.js'
import {
  execute,
  karrasFrame,
  program,
  route,
  slopeFrame,
  type SolverName,
  solvers,
  straightFrame,
  trailing,
} from '../../lib/solver/index.js'

const cosine = ddpm({ betaSchedule: 'squaredcos_cap_v2' })
const linear = ddpm({ betaSchedule: 'linear' })
const pureNoise = ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })

describe('the frame of slopes', () => {
  it("is Karras' on ddpm paths, but for trajectories that start with almost no data", () => {
    expect(slopeFrame(route(linear, trailing(linear, 10)))).toBe(karrasFrame)
    expect(slopeFrame(route(cosine, trailing(cosine, 10).slice(1)))).toBe(karrasFrame)
    expect(slopeFrame(route(cosine, trailing(cosine, 10)))).toBe(straightFrame)
    expect(slopeFrame(route(pureNoise, trailing(pureNoise, 10)))).toBe(straightFrame)
    expect(slopeFrame(route(flow(), trailing(flow(), 10).slice(5)))).toBe(straightFrame)
    expect(slopeFrame(route(linear, []))).toBe(karrasFrame)
  })

  const trials: ReadonlyArray<readonly [name: SolverName, steps: number]> = [
    ['heun', 10],
    ['dpm2', 10],
    ['midpoint', 10],
    ['ralston', 10],
    ['kutta3', 7],
    ['rk4', 5],
    ['lms', 20],
    ['adams_moulton', 20],
  ]
  it.each(trials)('lets %s arrive from where no data is left in %i steps', (name, count) => {
    for (const path of [cosine, pureNoise]) {
      const starts = [-1.5, -0.2, 0.4, 2].map((x) => x * path.noisiest.sigma)
      const steps = program(solvers[name]({ order: 3 }), path, 'v_prediction', trailing(path, count))
      const ends = execute(steps, perfectDenoiser(twoPeaks, 'v_prediction'), Float64Array.from(starts))
      // In sigma/alpha the errors here are of tens where the slope at the first step's end is used.
      starts.forEach((x, i) => {
        const error = ends[i] - exactEnd(twoPeaks, x, path.noisiest, path.clean)
        expect(Math.abs(error)).toBeLessThan(0.2)
      })
    }
  })
})
