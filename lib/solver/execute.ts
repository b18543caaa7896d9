import type { Point } from '../path/index.js'
import type { Program } from './program.js'

/** A model for reference computations: the raw prediction for a latent, in float64. Must not keep or write to its argument. */
export type ReferenceDenoiser = (x: Float64Array, at: Point) => Float64Array

/**
 * Run a program in float64 on one latent of any length: the reference that faster executors are tested against. `noise` draws one
 * standard normal latent, for programs that use it; without it the noise is taken as 0.
 *
 * @example
 * const path = flow()
 * const steps = program(euler(), path, 'sample', trailing(path, 4))
 * const x0 = execute(steps, (x) => x.map(() => 0.5), Float64Array.of(1, -1)) // [0.5, 0.5]
 */
export const execute = (
  { registers, noise: drawsNoise, evaluations }: Program,
  denoiser: ReferenceDenoiser,
  x: Float64Array,
  noise: () => Float64Array = () => new Float64Array(x.length),
): Float64Array => {
  let state = Array.from({ length: registers }, (_, r) => (r === 0 ? x : new Float64Array(x.length)))
  for (const { at, mix } of evaluations) {
    const operands = [...state, denoiser(state[0], at), ...(drawsNoise ? [noise()] : [])]
    state = state.map((_, r) => {
      const row = new Float64Array(x.length)
      operands.forEach((operand, j) => {
        const weight = mix[r * operands.length + j]
        if (weight !== 0) for (let i = 0; i < row.length; i++) row[i] += weight * operand[i]
      })
      return row
    })
  }
  return state[0]
}
