import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { normal } from '../random/index.js'
import { type Grid, program, type Solver } from '../solver/index.js'
import { breather, type Conditioning, type ErrorOf, type Parameterisation } from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import type { Trajectories } from './flight.js'
import { runPrograms } from './run-programs.js'

export type SampleOptions = {
  readonly path: Path
  readonly solver: Solver
  /** From the noisiest point to clean, as `trailing` gives it. */
  readonly grid: Grid
  /** How many samples. */
  readonly count: number
  /** Elements of a sample. */
  readonly elements: number
  /** Rows for all samples. */
  readonly conditioning: Conditioning
  /** Sample i is a function of (seed, i), of its conditioning and of the weights; not of `count`. */
  readonly seed: number
}

/**
 * Draws samples: pure noise, brought to clean data along the grid.
 *
 * @returns data, [count, …sample], and the sample evaluations spent
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const digits = sample(denoiser, {
 *   path: flow(),
 *   solver: unipc({ order: 2 }),
 *   grid: trailing(flow(), 20),
 *   count: 2,
 *   elements: 784,
 *   conditioning: { label: int64([2], [3, 7]) },
 *   seed: 1,
 * })
 */
export const sample =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    { path, solver, grid, count, elements, conditioning, seed }: SampleOptions,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Trajectories> =>
  async () => {
    const pause = breather()
    const noise = new Float32Array(count * elements)
    for (let i = 0; i < count; i++) {
      normal({ seed, purpose: 'prior', step: 0, sample: i }, noise, i * elements, elements)
      await pause()
    }
    // The noisiest point of a ddpm path still holds a trace of data; its noise has standard deviation sigma.
    const { sigma } = grid[0]
    const one = program(solver, path, denoiser.parameterisation, grid)
    return runPrograms(
      denoiser,
      new Array<typeof one>(count).fill(one),
      sigma === 1 ? noise : noise.map((x) => sigma * x),
      conditioning,
      (i, evaluation, out) => {
        normal({ seed, purpose: 'solver', step: 0, sample: i }, out, 0, elements, evaluation)
      },
    )()
  }
