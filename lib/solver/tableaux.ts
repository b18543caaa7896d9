import * as E from 'fp-ts/lib/Either.js'
import { tableau, type Coefficients, type Tableau } from './tableau.js'

/** A tableau of this file; one that does not validate is a typing error here. */
const known = (name: string, numbers: Coefficients): Tableau => {
  const checked = tableau(name, numbers)
  if (E.isLeft(checked)) throw new Error(checked.left.message)
  return checked.right
}

/** The classical method of order 4, four stages. Source: Kutta 1901; Butcher 2016, eq. (235i). */
export const rk4Tableau: Tableau = known('rk4', {
  c: [0, 1 / 2, 1 / 2, 1],
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
})
