/**
 * The same values under other names.
 *
 * @example
 * const next = withNames({ w: 1 }, names.next) // { 'next/w': 1 }
 */
export const withNames = <T>(
  values: Readonly<Record<string, T>>,
  rename: (name: string) => string,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [rename(name), value]))

/**
 * Other values under the same names.
 *
 * @example
 * const doubled = mapNamed({ w: 1 }, (x) => 2 * x) // { w: 2 }
 */
export const mapNamed = <A, B>(
  values: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, f(value, name)]))
