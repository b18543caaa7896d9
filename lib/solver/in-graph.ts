import { concat, matMul, reshape, slice, squeeze, type Value } from '../onnx/index.js'
import { size } from '../types/index.js'

/** How much room a graph has for programs. */
export type UnrolledShape = {
  /** Model evaluations in the graph: at least as many as any program has. */
  readonly evaluations: number
  /** Registers in the graph: at least as many as any program has. */
  readonly registers: number
}

/** Programs as graph values; the samples come first, so that a batch can be cut into parts. */
export type UnrolledPrograms = {
  /** Where the registers stand: [batch, registers, elements]. */
  readonly state: Value
  /** [batch, evaluations] */
  readonly timesteps: Value
  /** [batch, evaluations, registers, registers + 2], acting on [registers; output; noise]. */
  readonly mixes: Value
  /** [batch, evaluations, …sample] */
  readonly noise: Value
}

/** Entry j along the second axis, without that axis. */
const entry = (value: Value, j: number): Value => squeeze(slice(value, [j], [j + 1], [1]), [1])

/**
 * Runs programs in a graph: out = model(r[0], t), then r ← mix·[r; out; noise], as often as there are evaluations.
 *
 * @param ask the model at latents [batch, …sample] and timesteps [batch]
 * @param sample the shape of one latent
 * @returns register 0 after the last evaluation: [batch, …sample]
 * @example
 * declare const programs: UnrolledPrograms
 * const latents = executedInGraph((x) => neg(x), programs, { evaluations: 4, registers: 2 }, [1, 28, 28])
 */
export const executedInGraph = (
  ask: (latents: Value, timestep: Value) => Value,
  { state, timesteps, mixes, noise }: UnrolledPrograms,
  { evaluations }: UnrolledShape,
  sample: ReadonlyArray<number>,
): Value => {
  const row = (latents: Value): Value => reshape(latents, [0, 1, size(sample)])
  const latentsOf = (registers: Value): Value => reshape(slice(registers, [0], [1], [1]), [0, ...sample])
  let registers = state
  for (let j = 0; j < evaluations; j++) {
    const output = ask(latentsOf(registers), entry(timesteps, j))
    registers = matMul(entry(mixes, j), concat([registers, row(output), row(entry(noise, j))], 1))
  }
  return latentsOf(registers)
}
