import { input, showShape, type Value } from '../onnx/index.js'
import type { Parameterisation, TensorOf } from '../types/index.js'
import { clipped, globalNorm } from './clipping.js'
import { averaged } from './ema.js'
import type { LossScaling } from './loss-scaling.js'
import { names } from './names.js'
import type { Memory } from './optimizer.js'
import { mapNamed, withNames } from './named.js'
import type { Parameters } from './state.js'
import type { TrainingGraphOptions } from './training-options.js'

/** A parameter that trains. */
export type Weight = { readonly name: string; readonly value: Value; readonly initial: TensorOf<'float32'> }

/** What the parts of a training graph are made from. */
export type UpdatePlan = Omit<TrainingGraphOptions<Parameterisation>, 'model' | 'loss' | 'lossScaling'> & {
  readonly weights: ReadonlyArray<Weight>
  /** What the optimizer starts with. */
  readonly memory: Memory<TensorOf<'float32'>>
  readonly scaling: LossScaling | undefined
  /** What becomes of the count of steps, where there is one. */
  readonly counted: Memory<Value>
}

/**
 * What weights start with, by name.
 *
 * @example
 * const none = initialOf([])
 */
export const initialOf = (weights: ReadonlyArray<Weight>): Parameters =>
  Object.fromEntries(weights.map(({ name, initial }) => [name, initial]))

/**
 * What weight decay applies to by default: neither biases nor norms.
 *
 * @example
 * const decays = isMatrix('head.weight', [32, 10]) // true
 */
export const isMatrix = (_name: string, dims: ReadonlyArray<number>): boolean => dims.length >= 2

/** What changes at a step, under the names that graphs are fed it by. */
const flat = (
  parameters: Readonly<Record<string, Value>>,
  memory: Memory<Value>,
  averages: Readonly<Record<string, Value>>,
): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    [
      parameters,
      ...Object.entries(memory).map(([slot, values]) => withNames(values, (name) => names.slot(slot, name))),
      withNames(averages, names.average),
    ].flatMap(Object.entries<Value>),
  )

/** @throws RangeError where an optimizer forgets something, or makes it another size: found here, it has a name */
const remembered = (before: Memory<Value>, after: Memory<Value>): Memory<Value> =>
  mapNamed(before, (slot, slotName) =>
    mapNamed(slot, ({ shape }, name) => {
      const value = Object.hasOwn(after, slotName) ? after[slotName][name] : undefined
      if (value === undefined)
        throw new RangeError(
          `the optimizer's update gives back no ${slotName} of ${name}, which it was given`,
        )
      if (showShape(value.shape) !== showShape(shape))
        throw new RangeError(
          `the optimizer's update gives back a ${slotName} of ${name} of shape ${showShape(value.shape)}; it was given ${showShape(shape)}`,
        )
      return value
    }),
  )

/**
 * Clipping, optimizer and moving average: what follows from the gradients, by output name.
 *
 * @param found the gradients, in the order of the plan's weights
 * @throws RangeError where the optimizer does not give back what it remembers
 * @example
 * declare const gradients: ReadonlyArray<Value>, plan: UpdatePlan
 * const { gradient_norm } = successors(gradients, plan)
 */
export const successors = (
  found: ReadonlyArray<Value>,
  plan: UpdatePlan,
): Readonly<Record<string, Value>> => {
  const { weights, memory: initial, scaling, counted, optimizer, averages, decays = isMatrix } = plan
  const scalars = new Map<string, Value>()
  const scalar = (name: string): Value => {
    const value = scalars.get(name) ?? input(names.scalar(name), 'float32', [])
    scalars.set(name, value)
    return value
  }
  const memory = mapNamed(initial, (slot, slotName) =>
    mapNamed(slot, ({ dims }, name) => input(names.slot(slotName, name), 'float32', dims)),
  )
  const gradients = scaling === undefined ? found : scaling.unscaled(found)
  const limited = clipped(gradients, plan)
  const next = optimizer.update({
    trainees: weights.map(({ name, value, initial: { dims } }, i) => ({
      name,
      parameter: value,
      gradient: limited[i],
      decays: decays(name, dims),
    })),
    memory,
    scalar,
  })
  const current = Object.fromEntries(weights.map(({ name, value }) => [name, value]))
  const parameters = Object.fromEntries(weights.map(({ name }, i) => [name, next.parameters[i]]))
  const averagesBefore = averages
    ? mapNamed(current, ({ shape }, name) => input(names.average(name), 'float32', shape))
    : {}
  const before = flat(current, memory, averagesBefore)
  const after = flat(
    parameters,
    remembered(memory, next.memory),
    mapNamed(averagesBefore, (average, name) => averaged(average, parameters[name], scalar('ema_decay'))),
  )
  const norm = globalNorm(gradients)
  const state = {
    ...(scaling === undefined ? after : scaling.guarded(norm, before, after)),
    ...flat({}, { ...scaling?.next(norm), ...counted }, {}),
  }
  return { gradient_norm: norm, ...withNames(state, names.next) }
}
