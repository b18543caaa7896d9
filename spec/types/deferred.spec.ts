import { deferred, float32, identityOf, storedAt, takeRows } from 'deriva/types'
import { expect, it } from 'vitest'

const place = { root: '/', location: 'weights', offset: 4096 }
const elements = (): Float32Array => Float32Array.of(1, 2, 3, 4)

it('a deferred tensor makes its elements when they are asked for, and is like any other then', () => {
  let made = 0
  const tensor = deferred('float32', [2, 2], () => {
    made++
    return elements()
  })
  expect(tensor.dims).toEqual([2, 2])
  expect(made).toBe(0)
  expect(tensor).toEqual(float32([2, 2], elements()))
  // Kept at least until this turn of the event loop is over.
  expect(tensor.data).toBe(tensor.data)
  expect(made).toBe(1)
})

it('what is made of a stored tensor lies nowhere', () => {
  const tensor = deferred('float32', [2, 2], elements, place)
  expect(storedAt(tensor)).toEqual(place)
  for (const other of [{ ...tensor, dims: [4] }, takeRows(tensor, [1]), float32([4], tensor.data)])
    expect(storedAt(other)).toBeUndefined()
})

it('tensors over the same data are the same; a deferred one only itself', () => {
  const data = elements()
  expect(identityOf(float32([4], data))).toBe(identityOf(float32([2, 2], data)))
  const tensor = deferred('float32', [4], elements)
  expect(identityOf(tensor)).toBe(tensor)
  expect(identityOf(deferred('float32', [4], elements))).not.toBe(tensor)
})
