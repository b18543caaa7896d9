import type { Model } from '../model/index.js'
import { constant, input, matMul, reshape, substitute, type Value } from '../onnx/index.js'
import { type Evaluation, executedInGraph, type Program, type UnrolledShape } from '../solver/index.js'
import { float32, type Parameterisation, size, type TensorOf } from '../types/index.js'

/** The names that the unrolled graph is fed under, beside the model's own conditioning inputs. */
export const unrolledInputs = {
  start: 'start',
  timesteps: 'timesteps',
  mixes: 'mixes',
  noise: 'noise',
} as const

/**
 * Registers as a program finds them: the first holds the latents, the others zeros.
 *
 * @param start [batch, …sample]
 * @param elements of a sample
 * @returns [batch, registers, elements]
 * @example
 * const registers = registersInGraph(input('start', 'float32', ['batch', 2]), 3, 2)
 */
export const registersInGraph = (start: Value, registers: number, elements: number): Value => {
  // The outer product with the first unit vector.
  const first = constant(
    float32(
      [registers, 1],
      Float32Array.from({ length: registers }, (_, r) => (r === 0 ? 1 : 0)),
    ),
  )
  return matMul(first, reshape(start, [0, 1, elements]))
}

/**
 * A denoising trajectory as one graph around any model: registers are a tensor, and coefficients and times are inputs, so that
 * another solver, order or grid needs no other graph. It is an ordinary graph: it can be differentiated, through the latents and
 * through the parameters, and be part of a larger one.
 *
 * Inputs `start` [batch, …sample], `timesteps` [batch, evaluations], `mixes` [batch, evaluations, registers, registers + 2], `noise`
 * [batch, evaluations, …sample], and the model's conditioning.
 *
 * @returns the latents after the last evaluation: [batch, …sample]
 * @example
 * declare const model: Model<'flow_matching'>
 * const graph = encode({ outputs: { latents: unrolled(model, { evaluations: 20, registers: 4 }) }, parameters: 'initializers' })
 */
export const unrolled = <P extends Parameterisation>(
  { prediction, sample }: Model<P>,
  shape: UnrolledShape,
): Value => {
  const { evaluations, registers } = shape
  const [batch] = prediction.shape
  const start = input(unrolledInputs.start, 'float32', [batch, ...sample])
  const ask = (latents: Value, timestep: Value): Value =>
    substitute([prediction], ({ node }) =>
      node.kind !== 'input'
        ? undefined
        : node.name === 'latents'
          ? latents
          : node.name === 'timestep'
            ? timestep
            : undefined,
    )[0]
  const programs = {
    state: registersInGraph(start, registers, size(sample)),
    timesteps: input(unrolledInputs.timesteps, 'float32', [batch, evaluations]),
    mixes: input(unrolledInputs.mixes, 'float32', [batch, evaluations, registers, registers + 2]),
    noise: input(unrolledInputs.noise, 'float32', [batch, evaluations, ...sample]),
  }
  return executedInGraph(ask, programs, shape, sample)
}

/**
 * @throws RangeError where a program does not fit into a graph
 * @example
 * demandRoom(program(euler(), flow(), 'flow_matching', trailing(flow(), 4)), { evaluations: 4, registers: 1 })
 */
export const demandRoom = (p: Program, { evaluations, registers }: UnrolledShape): void => {
  if (p.evaluations.length > evaluations || p.registers > registers)
    throw new RangeError(
      `a program of ${p.evaluations.length} evaluations and ${p.registers} registers does not fit a graph of ${evaluations} and ${registers}`,
    )
}

/** The size of a graph's matrices. */
export type Room = { readonly registers: number; readonly columns: number }

/**
 * Writes an evaluation's coefficients into a matrix [registers, columns] with room for more registers: those of its own registers first,
 * then, behind all registers of the room, those of the output and of the noise.
 *
 * @param evaluation undefined where the program is over: nothing changes
 * @param out all zeros from `offset` on
 * @example
 * const p = program(euler(), flow(), 'flow_matching', trailing(flow(), 4))
 * const out = new Float32Array(3 * 5)
 * placeMix(p, p.evaluations[0], { registers: 3, columns: 5 }, out, 0)
 */
export const placeMix = (
  { registers: held, noise }: Pick<Program, 'registers' | 'noise'>,
  evaluation: Evaluation | undefined,
  { registers, columns }: Room,
  out: Float32Array,
  offset: number,
): void => {
  const own = held + (noise ? 2 : 1)
  for (let r = 0; r < registers; r++) {
    if (evaluation === undefined || r >= held) out[offset + r * columns + r] = 1
    else
      for (let c = 0; c < own; c++)
        out[offset + r * columns + (c < held ? c : registers + (c - held))] = evaluation.mix[r * own + c]
  }
}

/**
 * The coefficients of these programs as the unrolled graph takes them, one program a sample. Shorter programs are followed by
 * evaluations that change nothing.
 *
 * @example
 * const one = program(unipc({ order: 2 }), flow(), 'flow_matching', trailing(flow(), 20))
 * const { timesteps, mixes } = unrolledFeeds([one, one], { evaluations: 20, registers: 4 })
 */
export const unrolledFeeds = (
  programs: ReadonlyArray<Program>,
  { evaluations, registers }: UnrolledShape,
): { readonly timesteps: TensorOf<'float32'>; readonly mixes: TensorOf<'float32'> } => {
  const batch = programs.length
  const columns = registers + 2
  const timesteps = new Float32Array(batch * evaluations)
  const mixes = new Float32Array(batch * evaluations * registers * columns)
  programs.forEach((p, i) => {
    demandRoom(p, { evaluations, registers })
    for (let j = 0; j < evaluations; j++) {
      const evaluation = j < p.evaluations.length ? p.evaluations[j] : undefined
      timesteps[i * evaluations + j] = evaluation?.at.timestep ?? 0
      placeMix(p, evaluation, { registers, columns }, mixes, (i * evaluations + j) * registers * columns)
    }
  })
  return {
    timesteps: float32([batch, evaluations], timesteps),
    mixes: float32([batch, evaluations, registers, columns], mixes),
  }
}
