import { symbolSpace, unknown, type Symbolic } from '../algebra/index.js'
import type { Point } from '../path/index.js'
import type { Parameterisation } from '../types/index.js'
import { prediction } from './prediction.js'
import type { Route } from './route.js'
import type { Question, Solver } from './solver.js'

/** A vector of a trajectory: given (no parts), or a combination of others. `parts` and `users` mirror each other. */
export type Value = {
  /** How many evaluations must be answered before it can be computed. */
  readonly time: number
  parts: Array<Value>
  weights: Array<number>
  users: Array<Value>
}

/** A whole trajectory with nothing computed: who is made of what. */
export type Trace = {
  readonly initial: Value
  readonly evaluations: ReadonlyArray<{
    readonly at: Point
    readonly question: Value
    readonly out: Value
    readonly noise: Value
  }>
  readonly result: Value
  /** The combinations, by time and each after its parts; only those the result or a question depends on. */
  readonly combinations: ReadonlyArray<ReadonlyArray<Value>>
}

const given = (time: number): Value => ({ time, parts: [], weights: [], users: [] })

/**
 * Run a solver once on symbols. Its trajectory then is a DAG, from the initial latent, outputs and noises to the questions and the
 * result, in which terms with coefficient 0 and combinations that nobody needs do not occur.
 *
 * @example
 * const path = flow()
 * const { evaluations } = trace(euler(), route(path, trailing(path, 4)), 'flow_matching')
 */
export const trace = (solver: Solver, along: Route, parameterisation: Parameterisation): Trace => {
  const x = unknown('x')
  const asked: Array<{ question: Question<Symbolic>; out: Symbolic; noise: Symbolic }> = []
  const asking = solver.run(symbolSpace)(x, along)
  let next = asking.next()
  while (next.done !== true) {
    const question = next.value
    const out = unknown('out')
    const noise = unknown('noise')
    asked.push({ question, out, noise })
    next = asking.next(prediction(symbolSpace, parameterisation, question, out, () => noise))
  }

  const known = new Map<Symbolic, Value>()
  const combinations: Array<Array<Value>> = Array.from({ length: asked.length + 1 }, () => [])
  const valueOf = (symbol: Symbolic): Value => {
    const before = known.get(symbol)
    if (before !== undefined) return before
    if (symbol.kind === 'unknown')
      throw new Error(`A solver used an unknown '${symbol.name}' it was never given`)
    const parts: Array<Value> = []
    const weights: Array<number> = []
    for (const [weight, part] of symbol.terms) {
      if (weight === 0) continue
      const value = valueOf(part)
      const at = parts.indexOf(value)
      if (at >= 0) weights[at] += weight
      else {
        parts.push(value)
        weights.push(weight)
      }
    }
    const same = parts.length === 1 && weights[0] === 1
    const value = same
      ? parts[0]
      : { time: parts.reduce((t, p) => Math.max(t, p.time), 0), parts, weights, users: [] }
    if (!same) {
      for (const part of parts) part.users.push(value)
      combinations[value.time].push(value)
    }
    known.set(symbol, value)
    return value
  }

  const initial = given(0)
  known.set(x, initial)
  const evaluations = asked.map(({ question, out, noise }, i) => {
    const value = valueOf(question.x)
    const answer = given(i + 1)
    const fresh = given(i + 1)
    known.set(out, answer).set(noise, fresh)
    return { at: question.at, question: value, out: answer, noise: fresh }
  })
  return { initial, evaluations, result: valueOf(next.value), combinations }
}
