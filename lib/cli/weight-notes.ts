import type { Graph } from '../onnx/index.js'

/** At most so many names are said. */
const most = 4

const list = (names: ReadonlyArray<string>): string =>
  names.length <= most
    ? names.join(', ')
    : `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} more`

/**
 * What there is to say of the weights of a model that was read from a file: where others train than those that the model had, or fewer.
 *
 * @example
 * declare const graph: Graph
 * const sentences = weightNotes(graph)
 */
export const weightNotes = ({ doubts }: Pick<Graph, 'doubts'>): ReadonlyArray<string> => {
  if (doubts === undefined) return []
  const { lost, guessed } = doubts
  return [
    ...(lost.length === 0
      ? []
      : [
          `Not among the weights as they were: ${list(lost)}. The exporter's optimiser computed other tensors from these parameters, merged them with equal ones, or found them unused; exported with optimize=False those that are used stay.`,
        ]),
    ...(guessed.length === 0
      ? []
      : [
          `Taken for constants, going by their names and uses: ${list(guessed)}. A weight is an initializer with a dot in its name.`,
        ]),
  ]
}
