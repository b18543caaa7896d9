import type { Parameters } from 'deriva/train'
import { expect } from 'vitest'

/** max |a − b| over all tensors of a kind, of the same names, in units of the largest |b| of its tensor. */
export const distance = (a: Parameters, b: Parameters): number => {
  expect(Object.keys(a)).toEqual(Object.keys(b))
  return Math.max(
    0,
    ...Object.entries(b).map(([name, { data }]) => {
      const largest = Math.max(...data.map(Math.abs))
      const off = Math.max(...data.map((x, i) => Math.abs(x - a[name].data[i])))
      return off === 0 ? 0 : off / largest
    }),
  )
}
