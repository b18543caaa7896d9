import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../solver/index.js'
import {
  type Conditioning,
  type ErrorOf,
  float32,
  headRows,
  type Parameterisation,
  takeRows,
  type Tensor,
} from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import { pack } from './packing.js'
import { mixRegisters, openRegisters } from './registers.js'

export type Trajectories = {
  /** Where every sample arrived: [batch, …sample], in the order given. */
  readonly latents: Float32Array
  /** Sample evaluations spent: exactly the sum of the programs' lengths. */
  readonly evaluations: number
}

/** Writes the standard normal noise that sample number `sample` of the batch mixes in after its evaluation number `evaluation`. */
export type FreshNoise = (sample: number, evaluation: number, out: Float32Array) => void

const each = (conditioning: Conditioning, f: (tensor: Tensor) => Tensor): Conditioning =>
  Object.fromEntries(Object.entries(conditioning).map(([name, tensor]) => [name, f(tensor)]))

/**
 * Runs one program a sample, all of them together: every model call carries the samples that are still moving, whatever
 * their time, length or solver. A sample's trajectory depends on nothing but its own row, program, conditioning and noise.
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
    const { order, active } = pack(programs.map(({ evaluations }) => evaluations.length))
    const packed = Array.from(order, (i) => programs[i])
    const elements = latents.length / Math.max(1, programs.length)
    const moving = takeRows(float32([programs.length, elements], latents), order)
    const registers = openRegisters(moving.data, elements, Math.max(1, ...programs.map((p) => p.registers)))
    const given = each(conditioning, (tensor) => takeRows(tensor, order))
    const stochastic = packed.some((p) => p.noise)
    if (stochastic && noise === undefined) throw new Error('a program mixes in noise, and no noise was given')
    const fresh = stochastic ? new Float32Array(latents.length) : undefined

    for (const [j, count] of active.entries()) {
      const now = packed.slice(0, count).map(({ evaluations }) => evaluations[j])
      const output = await denoiser.predict(
        moving.data.subarray(0, count * elements),
        Float32Array.from(now, ({ at }) => at.timestep),
        each(given, (tensor) => headRows(tensor, count)),
      )()
      if (E.isLeft(output)) return output
      for (let i = 0; fresh !== undefined && i < count; i++)
        if (packed[i].noise) noise?.(order[i], j, fresh.subarray(i * elements, (i + 1) * elements))
      const mixings = now.map(({ mix }, i) => ({ registers: packed[i].registers, mix }))
      mixRegisters(registers, output.right, mixings, fresh)
    }

    const places = new Uint32Array(order.length)
    order.forEach((sample, place) => (places[sample] = place))
    return E.right({
      latents: takeRows(moving, places).data,
      evaluations: active.reduce((a, b) => a + b, 0),
    })
  }
