import { openSession } from 'deriva/engine'
import { encode, input, type Value } from 'deriva/onnx'
import type { Memory, Optimizer } from 'deriva/train'
import { float32, type Tensor } from 'deriva/types'
import { right } from '../either.js'

/** Optimizers as graphs in float64, where a wrong rule cannot hide behind rounding. */

/** Numbers by parameter name, row-major. */
export type Numbers = Readonly<Record<string, ReadonlyArray<number>>>
export type Shapes = Readonly<Record<string, ReadonlyArray<number>>>

const mapped = <A, B>(
  record: Readonly<Record<string, A>>,
  f: (value: A, name: string) => B,
): Readonly<Record<string, B>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]))

const float64 = (dims: ReadonlyArray<number>, data: ArrayLike<number>): Tensor => ({
  type: 'float64',
  dims,
  data: Float64Array.from(data),
})

const flattened = <T>(memory: Memory<T>): Readonly<Record<string, T>> =>
  Object.fromEntries(
    Object.entries(memory).flatMap(([slot, values]) =>
      Object.entries(values).map(([name, value]) => [`${slot}/${name}`, value]),
    ),
  )

/** The parameters after every step, on gradients that are given. The start has to be float32 numbers: memory may keep it. */
export const trajectory = async (
  optimizer: Optimizer,
  shapes: Shapes,
  start: Numbers,
  gradients: ReadonlyArray<Numbers>,
  decays: (name: string) => boolean = () => true,
): Promise<ReadonlyArray<Numbers>> => {
  const initial = optimizer.memory(mapped(start, (xs, name) => float32(shapes[name], [...xs])))
  const memory = mapped(initial, (slot, slotName) =>
    mapped(slot, ({ dims }, name) => input(`${slotName}/${name}`, 'float64', dims)),
  )
  const scalars = mapped(optimizer.scalars(0), (_, name) => input(`scalar/${name}`, 'float64', []))
  const names = Object.keys(start)
  const next = optimizer.update({
    trainees: names.map((name) => ({
      name,
      parameter: input(name, 'float64', shapes[name]),
      gradient: input(`gradient/${name}`, 'float64', shapes[name]),
      decays: decays(name),
    })),
    memory,
    scalar: (name) => scalars[name],
  })
  const outputs: Readonly<Record<string, Value>> = {
    ...Object.fromEntries(names.map((name, i) => [name, next.parameters[i]])),
    ...flattened(next.memory),
  }
  const session = right(
    await openSession(
      encode({
        outputs: Object.fromEntries(Object.entries(outputs).map(([name, value]) => [`next/${name}`, value])),
        parameters: 'inputs',
      }),
      { threads: 1 },
    )(),
  )
  let state: Readonly<Record<string, Tensor>> = {
    ...mapped(start, (xs, name) => float64(shapes[name], xs)),
    ...mapped(flattened(initial), ({ dims, data }) => float64(dims, data)),
  }
  const states: Numbers[] = []
  for (const [step, gradient] of gradients.entries()) {
    const found = right(
      await session.run({
        ...state,
        ...Object.fromEntries(
          names.map((name) => [`gradient/${name}`, float64(shapes[name], gradient[name])]),
        ),
        ...Object.fromEntries(
          Object.entries(optimizer.scalars(step)).map(([name, x]) => [`scalar/${name}`, float64([], [x])]),
        ),
      })(),
    )
    state = mapped(state, (_, name) => found[`next/${name}`])
    states.push(Object.fromEntries(names.map((name) => [name, Array.from(state[name].data, Number)])))
  }
  return states
}

/** max |a − b| over all steps and elements, in units of the largest change that a step of `b` makes. */
export const worst = (a: ReadonlyArray<Numbers>, b: ReadonlyArray<Numbers>, start: Numbers): number => {
  const distances = (x: ReadonlyArray<Numbers>, y: ReadonlyArray<Numbers>): ReadonlyArray<number> =>
    x.flatMap((numbers, i) =>
      Object.keys(numbers).flatMap((name) => numbers[name].map((u, j) => Math.abs(u - y[i][name][j]))),
    )
  if (a.length !== b.length) return Infinity
  return Math.max(...distances(a, b)) / Math.max(...distances(b, [start, ...b.slice(0, -1)]))
}
