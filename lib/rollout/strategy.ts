/** From a number uniform on [0, 1) to a length of 0 … max. */
type LengthOf = (u: number, max: number) => number

/**
 * How the length of a rollout is drawn: every length alike, or mostly short (`biased_early`) or mostly long (`biased_late`) ones, whose
 * names and distributions are SimpleTuner's; or always the `longest`, so that every sample that is chosen moves.
 */
export const strategies = {
  uniform: (u, max) => Math.floor(u * (max + 1)),
  biased_early: (u, max) => Math.round(u * u * max),
  biased_late: (u, max) => Math.round((1 - u * u) * max),
  longest: (_, max) => max,
} as const satisfies Record<string, LengthOf>

export type Strategy = keyof typeof strategies

/** All strategies, in the order of the table. */
// Object.keys knows only strings; the keys of the table are exactly its names.
export const strategyNames = Object.keys(strategies) as ReadonlyArray<Strategy>
