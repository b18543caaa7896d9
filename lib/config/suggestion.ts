/** The number of insertions, deletions, substitutions and swaps of neighbours between two words (optimal string alignment). */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let last: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (last[j] ?? 0) + 1,
        (last[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[j - 2] ?? 0) + 1 : Infinity,
      )
    }
    before = last
    last = row
  }
  return last[b.length] ?? 0
}

const bare = (word: string): string => word.toLowerCase().replace(/[^a-z0-9.]/g, '')

/**
 * The known word that a mistaken one was probably meant to be: a misspelling, another case or separator, or a part of it.
 *
 * @returns the nearest, or undefined where nothing is near
 * @example
 * const meant = suggestion('learning-rat', ['learning_rate', 'seed']) // 'learning_rate'
 */
export const suggestion = (word: string, known: ReadonlyArray<string>): string | undefined => {
  const wanted = bare(word)
  const ranked = known
    .map((candidate) => {
      const name = bare(candidate)
      const part = wanted.length >= 4 && (name.includes(wanted) || wanted.includes(name))
      const far = distance(wanted, name) / Math.max(wanted.length, name.length, 1)
      return { candidate, score: part ? Math.min(far, 0.3) : far }
    })
    .sort((a, b) => a.score - b.score)
  const best = ranked.at(0)
  return best !== undefined && best.score <= 0.4 ? best.candidate : undefined
}
