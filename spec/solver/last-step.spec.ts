import { ddpm, flow, type Path, type Point } from 'deriva/path'
import { execute, program, trailing, unipc } from 'deriva/solver'
import { describe, expect, it } from 'vitest'

const paths: ReadonlyArray<readonly [string, Path]> = [
  ['flow', flow()],
  ['ddpm', ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })],
]

/** Not exact for any solver, so that a corrected latent is another than the one the model was asked about. */
const denoiser = (x: Float64Array, { timestep }: Point): Float64Array =>
  x.map((value) => 0.8 * Math.tanh(1.3 * value + Math.sin(timestep / 137)))

describe('the step to clean data', () => {
  it.each(paths)('of UniPC on the %s path is the limit of steps to nearly clean data', (_, path) => {
    for (const interpolated of ['data', 'noise'] as const)
      for (const order of [1, 2, 3])
        for (const steps of [2, 3, 7]) {
          const solver = unipc({ order, interpolated })
          // From pure noise the noise frame has no first step.
          const [, ...grid] = trailing(path, steps + 1)
          const end = (last: Point): number =>
            execute(
              program(solver, path, 'v_prediction', [...grid.slice(0, -1), last], 0),
              denoiser,
              Float64Array.of(0.7),
            )[0]
          expect(Math.abs(end(path.clean) - end(path.atLambda(25)))).toBeLessThan(1e-8)
        }
  })
})
