import * as E from 'fp-ts/lib/Either.js'
import { tableau, type Coefficients, type Tableau } from './tableau.js'

/** A tableau of this file; one that does not validate is a slip of the pen here. */
const known = (name: string, numbers: Coefficients): Tableau => {
  const checked = tableau(name, numbers)
  if (E.isLeft(checked)) throw new Error(checked.left.message)
  return checked.right
}

/** Heun's method of order 2, two stages. Karras' sampler (2022, algorithm 1). Source: Heun 1900; Butcher 2016, section 232. */
export const heunTableau: Tableau = known('heun', { c: [0, 1], a: [[], [1]], b: [1 / 2, 1 / 2] })

/** The explicit midpoint rule: order 2, two stages. Source: Runge 1895; Butcher 2016, section 232. */
export const midpointTableau: Tableau = known('midpoint', { c: [0, 1 / 2], a: [[], [1 / 2]], b: [0, 1] })

/** Ralston's method, of least error bound among order 2 with two stages. Source: Ralston 1962 (Math. Comp. 16), section 3. */
export const ralstonTableau: Tableau = known('ralston', {
  c: [0, 2 / 3],
  a: [[], [2 / 3]],
  b: [1 / 4, 3 / 4],
})

/** Kutta's method of order 3, three stages. Source: Kutta 1901; Butcher 2016, section 233. */
export const kutta3Tableau: Tableau = known('kutta3', {
  c: [0, 1 / 2, 1],
  a: [[], [1 / 2], [-1, 2]],
  b: [1 / 6, 2 / 3, 1 / 6],
})

/** The classical method: order 4, four stages. Source: Kutta 1901; Butcher 2016, eq. (235i). */
export const rk4Tableau: Tableau = known('rk4', {
  c: [0, 1 / 2, 1 / 2, 1],
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
})
