/**
 * The length of an axis: a non-negative integer, or a symbol such as `batch` that is the same number wherever it occurs in a
 * graph. Sums and products of symbols are symbols in a canonical form (`2*batch`, `batch+1`), so that equal ones are equal
 * strings. `?` is a length nobody knows before the graph runs: it equals nothing, not even itself.
 */
export type Dim = number | string

export const unknown = '?'

/**
 * Whether two lengths are certainly the same.
 *
 * @example
 * const same = dims.sameDim('batch', 'batch') // true
 */
export const sameDim = (a: Dim, b: Dim): boolean => a === b && a !== unknown

/**
 * Whether two lengths could be the same: only two different numbers cannot.
 *
 * @example
 * const possible = dims.mayEqual('batch', 4) // true
 */
export const mayEqual = (a: Dim, b: Dim): boolean => typeof a === 'string' || typeof b === 'string' || a === b

/** A polynomial over symbols: coefficient by monomial (`batch*height`, factors sorted; the empty one is the constant term). */
type Polynomial = ReadonlyMap<string, number>

const factors = (monomial: string): ReadonlyArray<string> => (monomial === '' ? [] : monomial.split('*'))

const parse = (dim: Dim): Polynomial => {
  if (typeof dim === 'number') return new Map([['', dim]])
  const terms = new Map<string, number>()
  for (const term of dim.split('+')) {
    const parts = term.split('*').map((part) => part.trim())
    const numbers = parts.filter((part) => /^-?\d+$/.test(part))
    const monomial = parts
      .filter((part) => !/^-?\d+$/.test(part))
      .sort()
      .join('*')
    add(
      terms,
      monomial,
      numbers.reduce((product, part) => product * Number(part), 1),
    )
  }
  return terms
}

const add = (terms: Map<string, number>, monomial: string, coefficient: number): void => {
  terms.set(monomial, (terms.get(monomial) ?? 0) + coefficient)
}

/** Longer expressions say nothing to anyone, and products of sums would grow without end. */
const longestExpression = 200

const print = (polynomial: Polynomial): Dim => {
  const terms = [...polynomial].filter(([, coefficient]) => coefficient !== 0)
  if (terms.every(([monomial]) => monomial === '')) return terms[0]?.[1] ?? 0
  // The constant term last: `batch+1` reads better than `1+batch`.
  terms.sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
  const text = terms
    .map(([monomial, coefficient]) =>
      monomial === '' ? String(coefficient) : coefficient === 1 ? monomial : `${coefficient}*${monomial}`,
    )
    .join('+')
  return text.length <= longestExpression ? text : unknown
}

/**
 * The canonical form of a symbol as it was written by a user or a file.
 *
 * @example
 * const dim = dims.canonicalDim('1+batch') // 'batch+1'
 */
export const canonicalDim = (dim: Dim): Dim => (dim === unknown ? dim : print(parse(dim)))

/**
 * a + b.
 *
 * @example
 * const dim = dims.plus('batch', 1) // 'batch+1'
 */
export const plus = (a: Dim, b: Dim): Dim => {
  if (typeof a === 'number' && typeof b === 'number') return a + b
  if (a === unknown || b === unknown) return unknown
  const terms = new Map(parse(a))
  for (const [monomial, coefficient] of parse(b)) add(terms, monomial, coefficient)
  return print(terms)
}

/**
 * a · b.
 *
 * @example
 * const dim = dims.times('batch', 4) // '4*batch'
 */
export const times = (a: Dim, b: Dim): Dim => {
  // Adding 0 keeps a negative zero from being told apart.
  if (typeof a === 'number' && typeof b === 'number') return a * b + 0
  if (a === 1) return b
  if (b === 1) return a
  if (a === unknown || b === unknown) return a === 0 || b === 0 ? 0 : unknown
  const terms = new Map<string, number>()
  for (const [left, x] of parse(a)) {
    for (const [right, y] of parse(b)) {
      add(terms, [...factors(left), ...factors(right)].sort().join('*'), x * y)
    }
  }
  return print(terms)
}

/**
 * a − b.
 *
 * @example
 * const dim = dims.minus('batch+3', 2) // 'batch+1'
 */
export const minus = (a: Dim, b: Dim): Dim => plus(a, times(-1, b))

/**
 * a / b where that is exact, undefined where it is not (8 / 3) or cannot be told (batch / 2, or a divisor of several terms).
 *
 * @example
 * const dim = dims.divide('4*batch', 2) // '2*batch'
 */
export const divide = (a: Dim, b: Dim): Dim | undefined => {
  if (typeof a === 'number' && typeof b === 'number') return b !== 0 && a % b === 0 ? a / b + 0 : undefined
  if (b === 1) return a
  if (sameDim(a, b)) return 1
  if (a === unknown || b === unknown) return undefined
  const divisor = [...parse(b)]
  const term = divisor.at(0)
  if (divisor.length !== 1 || term === undefined || term[1] === 0) return undefined
  const quotient = new Map<string, number>()
  for (const [monomial, coefficient] of parse(a)) {
    const rest = [...factors(monomial)]
    for (const factor of factors(term[0])) {
      const at = rest.indexOf(factor)
      if (at < 0) return undefined
      rest.splice(at, 1)
    }
    if (coefficient % term[1] !== 0) return undefined
    add(quotient, rest.join('*'), coefficient / term[1])
  }
  return print(quotient)
}

/**
 * floor(a / b), `?` where that cannot be told.
 *
 * @example
 * const dim = dims.floorDivide(7, 2) // 3
 */
export const floorDivide = (a: Dim, b: Dim): Dim =>
  typeof a === 'number' && typeof b === 'number' && b !== 0 ? Math.floor(a / b) : (divide(a, b) ?? unknown)

/**
 * A length with numbers in place of some symbols.
 *
 * @example
 * const length = dims.evaluateDim('2*batch', { batch: 8 }) // 16
 */
export const evaluateDim = (dim: Dim, symbols: Readonly<Record<string, number>>): Dim => {
  if (typeof dim === 'number' || dim === unknown) return dim
  return [...parse(dim)]
    .map(([monomial, coefficient]) =>
      factors(monomial).reduce<Dim>(
        (product, symbol) =>
          times(product, Object.hasOwn(symbols, symbol) ? (symbols[symbol] ?? symbol) : symbol),
        coefficient,
      ),
    )
    .reduce(plus, 0)
}
