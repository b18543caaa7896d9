import * as fc from 'fast-check'
import type { execute, Program, Solver } from '../solver/index.js'

/** What runs programs: the reference, or another executor that claims to do the same. */
export type Executor = typeof execute

/** A case in which a law does not hold, shrunk, and what happened there. */
export type Finding = { readonly counterexample: string; readonly reason: string }

/** How hard to look. The same seed looks in the same places. */
export type Effort = { readonly runs: number; readonly seed: number }

/** A statement about every solver, and the search for a case against it. */
export type Law = {
  /** The law in one sentence. */
  readonly statement: string
  /** Which solvers it is about. */
  readonly concerns: (solver: Solver) => boolean
  readonly refute: (solver: Solver, executor: Executor, effort: Effort) => Finding | undefined
}

/**
 * For cases that lie outside a law's conditions: they count neither for nor against it.
 *
 * @example
 * const finding = search(fc.integer(), { runs: 100, seed: 1 }, (n) => {
 *   unless(n === 0)
 *   if (n / n !== 1) throw new Error('not itself')
 * })
 */
export const unless = (outside: boolean): void => {
  fc.pre(!outside)
}

/**
 * Search for a case that a claim does not survive: the claim throws, and its message becomes the reason.
 *
 * @example
 * const finding = search(fc.integer(), { runs: 100, seed: 1 }, (n) => {
 *   if (n > 10) throw new Error('too large')
 * }) // { counterexample: '11', reason: 'too large' }
 */
export const search = <T>(
  cases: fc.Arbitrary<T>,
  { runs, seed }: Effort,
  claim: (value: T) => void,
): Finding | undefined => {
  const details = fc.check(fc.property(cases, claim), { numRuns: runs, seed })
  if (!details.failed) return undefined
  const { counterexample, errorInstance } = details
  return {
    counterexample: counterexample === null ? 'none' : fc.stringify(counterexample[0]),
    reason: errorInstance instanceof Error ? errorInstance.message : 'no case fits the conditions of the law',
  }
}

/**
 * Complain where two latents differ by more than a tolerance, relative to 1 or their own size.
 *
 * @example
 * expectClose(Float64Array.of(1), Float64Array.of(1), 1e-9, 'the end')
 */
export const expectClose = (
  got: ArrayLike<number>,
  wanted: ArrayLike<number>,
  tolerance: number,
  what: string,
): void => {
  for (let i = 0; i < wanted.length; i++)
    if (!(Math.abs(got[i] - wanted[i]) <= tolerance * Math.max(1, Math.abs(wanted[i]))))
      throw new Error(`${what} is ${got[i]} where it should be ${wanted[i]}`)
}

/**
 * How large the numbers in a program can grow when latents and predictions are of size 1: what rounding is relative to. A long step after
 * short ones extrapolates with huge weights of either sign.
 *
 * @example
 * const path = flow()
 * const gentle = amplification(program(euler(), path, 'sample', trailing(path, 8))) // 1
 */
export const amplification = ({ registers, evaluations }: Program): number => {
  let sizes = new Float64Array(registers).fill(1, 0, 1)
  let largest = 1
  for (const { mix } of evaluations) {
    const columns = mix.length / registers
    sizes = sizes.map((_, r) => {
      let size = 0
      for (let j = 0; j < columns; j++)
        size += Math.abs(mix[r * columns + j]) * (j < registers ? sizes[j] : 1)
      return size
    })
    largest = sizes.reduce((most, size) => Math.max(most, size), largest)
  }
  return largest
}
