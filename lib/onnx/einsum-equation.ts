/**
 * An Einsum equation taken apart: one list of labels for each input and one for the output. A label is a letter; the axes of an
 * ellipsis are labelled `.0`, `.1`, … counted from the last, because they broadcast; ONNX Runtime wants every ellipsis of an equation to cover equally many.
 */
export type EinsumEquation = {
  readonly inputs: ReadonlyArray<ReadonlyArray<string>>
  readonly output: ReadonlyArray<string>
}

/**
 * Parses an Einsum equation for inputs of given ranks; undefined where it does not fit them. Without `->` the output has the
 * ellipsis first and then the letters that occur once, in alphabetical order.
 *
 * @example
 * const product = einsumEquation('bij,bjk->bik', [3, 3])
 */
export const einsumEquation = (
  equation: string,
  ranks: ReadonlyArray<number>,
): EinsumEquation | undefined => {
  const [left = '', ...right] = equation.replaceAll(' ', '').split('->')
  const terms = left.split(',')
  if (right.length > 1 || terms.length !== ranks.length) return undefined
  const inputs: ReadonlyArray<string>[] = []
  for (const [i, term] of terms.entries()) {
    const labels = labelled(term, ranks[i] ?? 0)
    if (labels === undefined) return undefined
    inputs.push(labels)
  }
  const all = inputs.flat()
  const covered = new Set(
    inputs.filter((_, i) => terms[i].includes('...')).map((labels) => labels.filter(isDot).length),
  )
  if (covered.size > 1) return undefined
  const ellipsis = dots([...covered].at(0) ?? 0)
  const explicit = right.at(0)
  if (explicit === undefined) {
    const once = all.filter((label) => !isDot(label) && all.indexOf(label) === all.lastIndexOf(label))
    return { inputs, output: [...ellipsis, ...once.sort()] }
  }
  const count = explicit.replace('...', '').length + (explicit.includes('...') ? ellipsis.length : 0)
  const output = labelled(explicit, count)
  const fits = output?.every((label, i) => all.includes(label) && output.indexOf(label) === i) ?? false
  return output !== undefined && fits ? { inputs, output } : undefined
}

const isDot = (label: string): boolean => label.startsWith('.')

const dots = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, i) => `.${count - 1 - i}`)

/** The labels of one term, one for each of `rank` axes; undefined where there are more or fewer. */
const labelled = (term: string, rank: number): ReadonlyArray<string> | undefined => {
  if (!/^[A-Za-z]*(\.\.\.[A-Za-z]*)?$/.test(term)) return undefined
  const [before = '', after = ''] = term.split('...')
  const covered = rank - before.length - after.length
  if (covered < 0 || (covered > 0 && !term.includes('...'))) return undefined
  return [...before.split(''), ...dots(covered), ...after.split('')]
}
