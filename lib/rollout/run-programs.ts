import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../solver/index.js'
import type { Conditioning, ErrorOf, Parameterisation } from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import { flight, type FreshNoise, type Trajectories } from './flight.js'

/**
 * Flies one program a sample, all of them together, with a denoiser's answers; see `flight`.
 *
 * @param latents where each sample starts, [programs.length, …sample]
 * @param noise needed by programs that mix in noise, and only by them
 * @returns Left only when the denoiser fails
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const one = program(unipc({ order: 2 }), flow(), 'flow_matching', unitSteps(flow(), 510, 500))
 * const task = runPrograms(denoiser, [one, one], new Float32Array(2 * 784), { label: int64([2], [3, 4]) })
 */
export const runPrograms =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    programs: ReadonlyArray<Program>,
    latents: Float32Array,
    conditioning: Conditioning,
    noise?: FreshNoise,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Trajectories> =>
  async () => {
    const inquiries = flight(programs, latents, conditioning, noise)
    let turn = inquiries.next()
    while (turn.done !== true) {
      const { latents: x, timesteps, conditioning: given } = turn.value
      const output = await denoiser.predict(x, timesteps, given)()
      if (E.isLeft(output)) return output
      turn = inquiries.next(output.right)
    }
    const { evaluations: each = 1 } = denoiser
    return E.right({ ...turn.value, evaluations: each * turn.value.evaluations })
  }
