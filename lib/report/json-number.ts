import * as t from 'io-ts'

/**
 * A number in JSON, which cannot write those that are not finite: they are written as null, and come back as NaN.
 *
 * @param rounded what of a finite number is written
 * @example
 * const sixDigits = jsonNumber((x) => Number(x.toPrecision(6)))
 */
export const jsonNumber = (rounded: (x: number) => number = (x) => x): t.Type<number, number | null> =>
  new t.Type<number, number | null>(
    'a number or null',
    t.number.is,
    (u, context) =>
      u === null ? t.success(Number.NaN) : typeof u === 'number' ? t.success(u) : t.failure(u, context),
    (x) => (Number.isFinite(x) ? rounded(x) : null),
  )
