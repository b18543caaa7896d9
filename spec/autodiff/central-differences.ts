import { grad } from 'deriva/autodiff'
import { openSession } from 'deriva/engine'
import { add, constant, encode, mul, parameter, reduceSum, type Value } from 'deriva/onnx'
import { float32, size, type Tensor } from 'deriva/types'
import { toNumbers } from '../../lib/onnx/element.js'
import { right } from '../either.js'

/** Numbers between −1 and 1 that are the same at every run (mulberry32). */
export const noise = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1
  }
}

export type Precision = 'float32' | 'float64'

export const tensorFrom = (type: Precision, dims: ReadonlyArray<number>, next: () => number): Tensor =>
  type === 'float64'
    ? { type, dims, data: Float64Array.from({ length: size(dims) }, next) }
    : { type, dims, data: Float32Array.from({ length: size(dims) }, next) }

const moved = (point: Tensor, direction: Float64Array, by: number): Tensor => {
  const data = toNumbers(point).map((x, i) => x + by * direction[i])
  return point.type === 'float64'
    ? { type: 'float64', dims: point.dims, data }
    : float32(point.dims, Float32Array.from(data))
}

const dot = (a: Float64Array, b: Tensor): number => toNumbers(b).reduce((sum, x, i) => sum + x * a[i], 0)

/** How far two numbers are apart, relative to the larger one or to `scale`. */
const distance = (a: number, b: number, scale: number): number =>
  Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b), scale)

/** Σ over values of their elements with fixed random weights: one float that depends on every element. */
export const weighed = (values: ReadonlyArray<Value>, seed: number): Value => {
  const next = noise(seed)
  const terms = values.map((value) => {
    const weights = tensorFrom(
      value.type === 'float64' ? 'float64' : 'float32',
      value.shape.map(Number),
      next,
    )
    return reduceSum(mul(value, constant(weights)), undefined, false)
  })
  return terms.reduce((sum, term) => add(sum, term))
}

/**
 * The derivative of a scalar along one random direction, from its gradient and from central differences of fourth order
 * (8(f₁ − f₋₁) − (f₂ − f₋₂))/12h computed by ONNX Runtime; the relative distance between them.
 *
 * In float64 the differences are good to about 1e-9, in float32 with a larger step to about 1e-4.
 */
export const gradientError = async (
  lossOf: (parameters: ReadonlyArray<Value>) => Value,
  points: ReadonlyArray<Tensor>,
  precision: Precision,
  differentiate = grad,
): Promise<number> => {
  const next = noise(7)
  const parameters = points.map((point, i) => parameter(`p${i}`, point))
  const loss = lossOf(parameters)
  const gradients = right(differentiate(loss, parameters))
  const outputs = { loss, ...Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient])) }
  const bytes = encode({ outputs, inputs: parameters, parameters: 'inputs' })
  const session = right(await openSession(bytes, { threads: 1 })())
  const directions = points.map((point) => Float64Array.from({ length: size(point.dims) }, next))
  const run = async (by: number): Promise<Readonly<Record<string, Tensor>>> =>
    right(
      await session.run(
        Object.fromEntries(points.map((point, i) => [`p${i}`, moved(point, directions[i], by)])),
      )(),
    )
  const h = precision === 'float64' ? 1e-3 : 0.01
  const at = async (by: number): Promise<number> => Number((await run(by))['loss'].data[0])
  const numeric = (8 * ((await at(h)) - (await at(-h))) - ((await at(2 * h)) - (await at(-2 * h)))) / (12 * h)
  const centre = await run(0)
  const terms = directions.map((direction, i) => dot(direction, centre[`g${i}`]))
  await session.release()
  const analytic = terms.reduce((sum, x) => sum + x, 0)
  return distance(analytic, numeric, 1e-3 * Math.abs(Number(centre['loss'].data[0])) + 1e-6)
}
