import type { Tensors } from '../engine/index.js'
import { type RaggedAxis, repeatedInputs } from '../onnx/index.js'
import { int64, stacked } from '../types/index.js'

/**
 * What a graph that `draftRepeated` has written is fed, beside what it carries: what each of its turns is fed, as one.
 *
 * @param turns the same names at every turn
 * @example
 * declare const first: Tensors, second: Tensors
 * const feeds = repeatedFeeds([first, second], [])
 */
export const repeatedFeeds = (turns: ReadonlyArray<Tensors>, ragged: ReadonlyArray<RaggedAxis>): Tensors => ({
  ...Object.fromEntries(
    Object.keys(turns.at(0) ?? {}).map((name) => [name, stacked(turns.map((turn) => turn[name]))]),
  ),
  ...Object.fromEntries(
    ragged.map(({ input, axis, dim }) => [
      repeatedInputs.length(dim),
      int64(
        [turns.length],
        turns.map((turn) => turn[input].dims[axis]),
      ),
    ]),
  ),
  [repeatedInputs.turns]: int64([], [turns.length]),
})
