import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path, Point } from '../path/index.js'
import { normal } from '../random/index.js'
import { type Denoiser, flight, noisedLatents } from '../rollout/index.js'
import { type Batch, type ErrorOf, type Parameterisation, size } from '../types/index.js'
import { type Course, courseProgram } from './course.js'

/** What a trajectory shows at a point of its grid. All arrays are [batch, …sample]. */
export type Sight = {
  /** The number of the point in the course's grid. */
  readonly index: number
  readonly at: Point
  /** Where the model's own trajectory is; valid until the visit is over. */
  readonly rolled: Float32Array
  /** What the model said there, as far as it was asked: not at the end. Valid until the visit is over. */
  readonly prediction: Float32Array | undefined
}

/**
 * The noise of a batch's samples, a function of (seed, sample id): [batch, …sample].
 *
 * @example
 * declare const heldOut: Batch
 * const noise = noiseOf(heldOut, 0)
 */
export const noiseOf = ({ ids, x0, shape }: Batch, seed: number): Float32Array => {
  const noise = new Float32Array(x0.length)
  const elements = size(shape)
  ids.forEach((sample, i) => {
    normal({ seed, purpose: 'noise', step: 0, sample }, noise, i * elements, elements)
  })
  return noise
}

/**
 * Rolls a batch along a course with the model's own outputs, and shows every point of the grid as the trajectory comes by. What is
 * shown costs no evaluation: the solver asks for the predictions anyway.
 *
 * @param noise of the samples; a start from pure noise leaves the data out
 * @param visit the trajectory waits for it
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, heldOut: Batch
 * const [course] = courses({ path: flow(), solvers: [{ name: 'euler', solver: euler() }], grids: [trailing(flow(), 8)], starts: [500] })
 * const walked = walk(denoiser, flow(), course, heldOut, { noise: noiseOf(heldOut, 0), seed: 0 }, ({ at }) => {
 *   console.log(at.timestep)
 *   return TE.right(undefined)
 * })
 */
export const walk =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    path: Path,
    course: Course,
    { ids, x0, conditioning }: Batch,
    { noise, seed }: { readonly noise: Float32Array; readonly seed: number },
    visit: (sight: Sight) => TE.TaskEither<ErrorOf<'EngineError'>, void>,
  ): TE.TaskEither<ErrorOf<'EngineError'>, void> =>
  async () => {
    const { program, points } = courseProgram(path, course, denoiser.parameterisation)
    const { grid, start } = course
    const latents =
      start === 'noise'
        ? noise.map((x) => grid[0].sigma * x)
        : noisedLatents(path, x0, noise, new Array<number>(ids.length).fill(start))
    const inquiries = flight(
      new Array<typeof program>(ids.length).fill(program),
      latents,
      conditioning,
      (i, evaluation, out) => {
        normal({ seed, purpose: 'solver', step: 0, sample: ids[i] }, out, 0, out.length, evaluation)
      },
    )
    let turn = inquiries.next()
    while (turn.done !== true) {
      const { latents: rolled, timesteps, conditioning: given, evaluation } = turn.value
      const output = await denoiser.predict(rolled, timesteps, given)()
      if (E.isLeft(output)) return output
      const index = points.get(evaluation)
      if (index !== undefined) {
        const seen = await visit({ index, at: grid[index], rolled, prediction: output.right })()
        if (E.isLeft(seen)) return seen
      }
      turn = inquiries.next(output.right)
    }
    const index = grid.length - 1
    return visit({ index, at: grid[index], rolled: turn.value.latents, prediction: undefined })()
  }
