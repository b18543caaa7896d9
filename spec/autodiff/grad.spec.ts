import { grad } from 'deriva/autodiff'
import {
  add,
  cast,
  constant,
  floor,
  gather,
  greater,
  input,
  matMul,
  mul,
  oneHot,
  operator,
  parameter,
  range,
  reduceMean,
  reduceSum,
  scalar,
  sigmoid,
  sin,
  stopGradient,
  where,
  encode,
  type Value,
} from 'deriva/onnx'
import { openSession } from 'deriva/engine'
import { float32, int64 } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { toNumbers } from '../../lib/onnx/element.js'
import { right } from '../either.js'

const total = (x: Value): Value => reduceSum(x, undefined, false)

/** The elements of some values that depend on no input. */
const evaluated = async (values: ReadonlyArray<Value>): Promise<ReadonlyArray<ReadonlyArray<number>>> => {
  const outputs = Object.fromEntries(values.map((value, i) => [`v${i}`, value]))
  const session = right(await openSession(encode({ outputs, parameters: 'initializers' }), { threads: 1 })())
  const results = right(await session.run({})())
  await session.release()
  return values.map((_, i) => [...toNumbers(results[`v${i}`])])
}

const w = parameter('w', float32([3], [1, 2, 3]))

describe('grad', () => {
  it('adds up over all uses of a value', async () => {
    const loss = total(add(mul(w, w), mul(w, 5)))
    expect(await evaluated(right(grad(loss, [w])))).toEqual([[7, 9, 11]])
  })

  it('is zero for what the loss does not depend on', async () => {
    const other = parameter('other', float32([2, 2], [1, 2, 3, 4]))
    const gradients = right(grad(total(w), [other, w]))
    expect(gradients.map(({ shape, type }) => [shape, type])).toEqual([
      [[2, 2], 'float32'],
      [[3], 'float32'],
    ])
    expect(await evaluated(gradients)).toEqual([
      [0, 0, 0, 0],
      [1, 1, 1],
    ])
  })

  it('does not pass stopGradient, floors, comparisons or integers', async () => {
    const blocked = [
      stopGradient(w),
      floor(w),
      cast(greater(w, 1.5), 'float32'),
      cast(cast(w, 'int64'), 'float32'),
      where(greater(w, 1.5), scalar(1), scalar(0)),
    ]
    const loss = blocked.reduce((sum, x) => add(sum, total(mul(x, x))), total(w))
    expect(await evaluated(right(grad(loss, [w])))).toEqual([[1, 1, 1]])
  })

  it('stops one of two ways only', async () => {
    expect(await evaluated(right(grad(total(mul(stopGradient(w), w)), [w])))).toEqual([[1, 2, 3]])
  })

  it('is given for values between as well, whole even where a rule sees through them', async () => {
    const gate = sigmoid(w)
    const gradients = right(grad(total(mul(w, gate)), [gate, w]))
    const values = await evaluated(gradients)
    expect(values[0]).toEqual([1, 2, 3])
    const slope = (x: number): number => 1 / (1 + Math.exp(-x)) + x / (2 + Math.exp(x) + Math.exp(-x))
    values[1].forEach((x, i) => {
      expect(x).toBeCloseTo(slope(i + 1), 5)
    })
  })

  it('is one for the loss itself, also where that has axes of length one', async () => {
    const loss = reduceMean(w, [0])
    expect(await evaluated(right(grad(loss, [loss, w])))).toEqual([
      [1],
      [1 / 3, 1 / 3, 1 / 3].map(Math.fround),
    ])
  })

  it('can be taken again', async () => {
    const cubed = mul(mul(w, w), w)
    const [first] = right(grad(total(cubed), [w]))
    const [second] = right(grad(total(first), [w]))
    const [third] = right(grad(total(second), [w]))
    expect(await evaluated([first, second, third])).toEqual([
      [3, 12, 27],
      [6, 12, 18],
      [6, 6, 6],
    ])
  })

  it('takes graphs deeper than any call stack', () => {
    const deep = Array.from({ length: 20_000 }).reduce<Value>((x) => sin(x), w)
    expect(E.isRight(grad(total(deep), [w]))).toBe(true)
  })

  it('needs no rule away from the way to the weights', () => {
    const table = oneHot(
      input('label', 'int64', [4]),
      constant(int64([], [10])),
      constant(float32([2], [0, 1])),
    )
    const weights = parameter('weights', float32([10, 2], new Array<number>(20).fill(0.1)))
    expect(E.isRight(grad(total(matMul(table, weights)), [weights]))).toBe(true)
  })
})

describe('grad refuses', () => {
  const message = (either: E.Either<{ readonly message: string }, unknown>): string =>
    E.isLeft(either) ? either.left.message : 'no error'

  it('operators without a gradient, naming the node and the way to the weights', () => {
    const values = add(parameter('head.values', float32([2], [0, 1])), 0)
    const [hot] = operator(
      'OneHot',
      [input('label', 'int64', [4]), constant(int64([], [3])), values],
      {},
      1,
      'hot',
    )
    const refused = grad(total(hot), [values])
    expect(E.isLeft(refused) && refused.left.operator).toBe('OneHot')
    expect(message(refused)).toMatch(/cannot differentiate OneHot "hot": it has settings/)
    const parameterItself = grad(total(hot), [parameter('elsewhere', float32([1], [0]))])
    expect(E.isRight(parameterItself)).toBe(true)
  })

  it('with the whole route, from the operator down to the parameter', () => {
    const leaf = parameter('head.values', float32([2], [0, 1]))
    const [hot] = operator(
      'OneHot',
      [input('label', 'int64', [4]), constant(int64([], [3])), mul(leaf, 2)],
      {},
      1,
      'hot',
    )
    expect(message(grad(total(hot), [leaf]))).toMatch(/OneHot "hot" ← Mul ← parameter "head\.values"$/)
  })

  it('symbolic lengths, saying how to bind them', () => {
    const x = input('x', 'float32', ['batch', 3])
    const refused = grad(reduceMean(mul(x, w), undefined, false), [w])
    expect(message(refused)).toMatch(/\[batch, 3\].*bind/)
  })

  it('a loss that is not one float', () => {
    expect(message(grad(w, [w]))).toMatch(/float32\[3\].*one float/)
    expect(message(grad(total(cast(w, 'int64')), [w]))).toMatch(/int64.*one float/)
  })

  it('lengths that follow from operands', () => {
    const end = parameter('end', float32([], [4]))
    const list = range(scalar(0), end, scalar(1))
    expect(message(grad(total(list), [end]))).toMatch(/cannot differentiate/)
  })

  it('scatters that multiply', () => {
    const [scattered] = operator(
      'ScatterElements',
      [w, constant(int64([1], [0])), gather(w, constant(int64([1], [1])))],
      { reduction: 'mul' },
    )
    expect(message(grad(total(scattered), [w]))).toMatch(/combines by "mul"/)
  })
})
