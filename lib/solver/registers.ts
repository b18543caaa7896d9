import type { Trace, Value } from './trace.js'

/** What each register holds: one entry before every evaluation and one after the last; register 0 is asked about, then the result. */
export type Allocation = ReadonlyArray<ReadonlyArray<Value | undefined>>

/** Split a later value into what can be summed up already, as a new value, and the rest. */
const sumUp = (value: Value, now: number): Value => {
  const soFar: Value = { time: now, parts: [], weights: [], users: [value] }
  const parts = [soFar]
  const weights = [1]
  value.parts.forEach((part, i) => {
    const into = part.time <= now ? soFar : { parts, weights }
    into.parts.push(part)
    into.weights.push(value.weights[i])
    if (part.time > now) return
    part.users = part.users.filter((user) => user !== value)
    part.users.push(soFar)
  })
  value.parts = parts
  value.weights = weights
  return soFar
}

/**
 * Which vectors to carry over a moment, given those at hand, so that everything later can be made from them: a smallest vertex cover
 * of the graph in which each vector at hand meets the later ones that use it (König's theorem: as large as a maximum matching). To
 * cover an edge by its near end is to keep the vector; by its far end, to keep what is known of the later one as a partial sum.
 */
const carriedOver = (hand: ReadonlyArray<Value>, now: number): ReadonlyArray<Value> => {
  const uses = hand.map((value) => value.users.filter((user) => user.time > now))
  const userOf = new Map<Value, number>() // hand index → the user it is matched with, by user
  const match = (i: number, seen: Set<Value>): boolean => {
    for (const user of uses[i]) {
      if (seen.has(user)) continue
      seen.add(user)
      const rival = userOf.get(user)
      if (rival === undefined || match(rival, seen)) {
        userOf.set(user, i)
        return true
      }
    }
    return false
  }
  // Searches that fail, together, reach exactly the users to sum up; the vectors they pass through need not be kept.
  const unmatched = hand.map((_, i) => i).filter((i) => !match(i, new Set()))
  const summed = new Set<Value>()
  for (const i of unmatched) match(i, summed)
  const dropped = new Set(unmatched)
  for (const user of summed) dropped.add(userOf.get(user) ?? -1)
  return [...hand.filter((_, i) => !dropped.has(i)), ...[...summed].map((user) => sumUp(user, now))]
}

/** Put vectors into registers 1, 2, …, each where it was before if it was anywhere. */
const place = (first: Value, others: ReadonlyArray<Value>, before: ReadonlyArray<Value | undefined>) => {
  const registers: Array<Value | undefined> = [first]
  const moved = others.filter((value) => {
    const at = before.indexOf(value)
    if (at < 1) return true
    registers[at] = value
    return false
  })
  let free = 1
  for (const value of moved) {
    while (registers[free] !== undefined) free++
    registers[free] = value
  }
  return registers
}

/**
 * Decide what a trajectory keeps across each of its evaluations: as few vectors as its structure allows. Rewrites the trace
 * where partial sums are kept. Throws where a solver's first question is not about the initial latent itself.
 *
 * @example
 * const path = flow()
 * const held = allocate(trace(euler(), route(path, trailing(path, 4)), 'flow_matching')) // five times one latent
 */
export const allocate = ({ initial, evaluations, result, combinations }: Trace): Allocation => {
  const questions = [...evaluations.map(({ question }) => question), result]
  if (questions[0] !== initial) throw new Error("A solver's first question must be about its initial latent")
  const last = new Map(questions.map((question, i) => [question, i]))
  const allocation: Array<ReadonlyArray<Value | undefined>> = [[initial]]
  let held: ReadonlyArray<Value> = [initial]
  evaluations.forEach(({ out, noise }, i) => {
    const now = i + 1
    const question = questions[now]
    const hand = [...held, out, noise, ...combinations[now]]
    const asked = hand.filter((value) => value !== question && (last.get(value) ?? 0) > now)
    const sure = new Set([question, ...asked])
    const others = [
      ...asked,
      ...carriedOver(
        hand.filter((value) => !sure.has(value) && value.users.some((user) => user.time > now)),
        now,
      ),
    ]
    const registers = place(question, others, allocation[i])
    allocation.push(registers)
    held = [question, ...others]
  })
  return allocation
}
