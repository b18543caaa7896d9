import { describe, expect, it } from 'vitest'
import { ddpm, flow, type Path, type Point } from '../../lib/path/index.js'
import { normal } from '../../lib/random/index.js'
import { dpm, dpmSinglestep, execute, program, trailing, type Solver } from '../../lib/solver/index.js'

const paths: ReadonlyArray<Path> = [flow(), ddpm({ betaSchedule: 'linear' })]

/** Where a solver ends, for given draws, one an evaluation. */
const end = (
  solver: Solver,
  path: Path,
  points: ReadonlyArray<Point>,
  draws: ReadonlyArray<Float64Array>,
  x: Float64Array,
): Float64Array => {
  let evaluation = 0
  return execute(
    program(solver, path, 'sample', points),
    (v) => v.map(() => 0.25),
    x,
    () => draws[evaluation++],
  )
}

const drawn = (count: number, length: number): ReadonlyArray<Float64Array> =>
  Array.from({ length: count }, (_, step) =>
    Float64Array.from(normal({ seed: 5, purpose: 'noise', step, sample: 0 }, new Float32Array(length))),
  )

const apart = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, ai, i) => Math.max(most, Math.abs(ai - b[i])), 0)

describe('the SDE form of DPM-Solver++ singlestep', () => {
  it.each([0.4, 1])('takes the very noise of its stages into its steps (eta = %f)', (eta) => {
    for (const path of paths)
      for (const order of [2, 3] as const) {
        const points = trailing(path, 9)
        const draws = drawn(9, 4)
        const x = Float64Array.of(0.3, -1.2, 0.8, 2)
        // Both are exact for constant data, so that draw by draw they must agree wherever they are stopped.
        for (let stop = 1; stop <= 9; stop++) {
          const ends = [dpmSinglestep({ order, eta }), dpm({ order: 1, eta })].map((solver) =>
            end(solver, path, points.slice(0, stop + 1), draws, x),
          )
          expect(apart(ends[0], ends[1])).toBeLessThan(1e-13)
        }
      }
  })

  it('refuses noise predictions and negative shares', () => {
    expect(() => dpmSinglestep({ order: 2, eta: 1, interpolated: 'noise' })).toThrow(RangeError)
    expect(() => dpmSinglestep({ order: 2, eta: -1 })).toThrow(RangeError)
  })
})
