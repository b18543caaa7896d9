import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Program } from '../solver/index.js'
import { type Conditioning, type ErrorOf, float32, headRows, type Parameterisation, takeRows, type Tensor } from '../types/index.js'
import type { Denoiser } from './denoiser.js'
import { pack } from './packing.js'
import { mixRegisters, openRegisters } from './registers.js'

export type Trajectories = {
  /** Where every sample arrived: [batch, …sample], in the order given. */
  readonly latents: Float32Array
  /** Sample evaluations spent: exactly the sum of the programs' lengths. */
  readonly evaluations: number
}

const each = (conditioning: Conditioning, f: (tensor: Tensor) => Tensor): Conditioning =>
  Object.fromEntries(Object.entries(conditioning).map(([name, tensor]) => [name, f(tensor)]))

/**
 * Runs one program a sample, all of them together: every model call carries the samples that are still moving, whatever
 * their time, length or solver. A sample's trajectory depends on nothing but its own row, program and conditioning.
 *
 * @param latents where each sample starts, [programs.length, …sample]
 * @returns Left only when the denoiser fails
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const points = unitSteps(flow(), 510, 500)
 * const one = program(unipc({ order: 2 }), flow(), 'flow_matching', points)
 * const task = runPrograms(denoiser, [one, one], new Float32Array(2 * 784), { label: int64([2], [3, 4]) })
 */
export const runPrograms =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    programs: ReadonlyArray<Program>,
    latents: Float32Array,
    conditioning: Conditioning,
  ): TE.TaskEither<ErrorOf<'EngineError'>, Trajectories> =>
  async () => {
    const { order, active } = pack(programs.map(({ evaluations }) => evaluations.length))
    const packed = Array.from(order, (i) => programs[i]).filter((p) => p !== undefined)
    const elements = latents.length / Math.max(1, programs.length)
    const start = takeRows(float32([programs.length, elements], latents), order)
    const registers = openRegisters(start.data, elements, Math.max(1, ...programs.map((p) => p.registers)))
    const packedConditioning = each(conditioning, (tensor) => takeRows(tensor, order))
    let evaluations = 0
    for (const [j, count] of active.entries()) {
      const now = packed.slice(0, count).map((p) => p.evaluations[j]).filter((e) => e !== undefined)
      const output = await denoiser.predict(
        start.data.subarray(0, count * elements),
        Float32Array.from(now, ({ at }) => at.timestep),
        each(packedConditioning, (tensor) => headRows(tensor, count)),
      )()
      if (E.isLeft(output)) return output
      mixRegisters(registers, output.right, now.map(({ mix }) => mix))
      evaluations += count
    }
    const inverse = new Uint32Array(order.length)
    order.forEach((batchIndex, i) => (inverse[batchIndex] = i))
    return E.right({ latents: takeRows(start, inverse).data, evaluations })
  }
