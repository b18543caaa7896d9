/**
 * An Einsum equation taken apart: one list of labels for each input and one for the output. A label is a letter; the axes of an
 * ellipsis are labelled `.0`, `.1`, … counted from the last, because ellipses broadcast like NumPy shapes.
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
  const [left = '', right, ...rest] = equation.replaceAll(' ', '').split('->')
  const terms = left.split(',')
  if (rest.length > 0 || terms.length !== ranks.length) return undefined
  const inputs: string[][] = []
  let ellipsis = 0
  for (const [i, term] of terms.entries()) {
    const labels = expand(term, ranks[i] ?? 0)
    if (labels?.length !== ranks[i]) return undefined
    ellipsis = Math.max(ellipsis, labels.filter((label) => label.startsWith('.')).length)
    inputs.push(labels)
  }
  const letters = inputs.flat().filter((label) => !label.startsWith('.'))
  if (right !== undefined) {
    const output = expand(right, right.replace('...', '').length + ellipsis)
    const known = new Set([...inputs.flat()])
    return output === undefined ||
      new Set(output).size !== output.length ||
      !output.every((label) => known.has(label))
      ? undefined
      : { inputs, output }
  }
  const once = letters.filter((label) => letters.indexOf(label) === letters.lastIndexOf(label)).sort()
  return { inputs, output: [...dots(ellipsis), ...once] }
}

const dots = (count: number): string[] => Array.from({ length: count }, (_, i) => `.${count - 1 - i}`)

const expand = (term: string, rank: number): string[] | undefined => {
  const [before = '', after, ...more] = term.split('...')
  if (more.length > 0 || !/^[A-Za-z]*$/.test(before + (after ?? ''))) return undefined
  if (after === undefined) return [...before]
  const count = rank - before.length - after.length
  return count < 0 ? undefined : [...before, ...dots(count), ...after]
}
