import type { Value } from '../onnx/index.js'
import { float32, size, type TensorOf } from '../types/index.js'
import type { Parameters } from './state.js'

/** What an optimizer remembers: tensors, or values of a graph, by slot (such as `first_moment`) and then by name. */
export type Memory<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

/** A parameter at a step, as graph values. */
export type Trainee = {
  readonly name: string
  readonly parameter: Value
  /** Clipped already; the parameter's shape. */
  readonly gradient: Value
  /** Whether weight decay applies to this parameter. */
  readonly decays: boolean
}

/**
 * An optimizer is a builder of graph nodes: it turns gradients into the next parameters and the next memory.
 * What depends on the step number is computed in float64 beforehand and fed as scalars.
 */
export type Optimizer = {
  /**
   * Whether every number of a parameter is updated by itself, and what is remembered of a parameter has its shape: then parameters of one
   * shape can be updated as one. Default false.
   */
  readonly elementwise?: boolean
  /** What it remembers before the first step. Mostly one tensor a parameter, under the parameter's name; names and shapes are its own affair. */
  readonly memory: (parameters: Parameters) => Memory<TensorOf<'float32'>>
  /** Scalars fed at a step, given the steps already taken; `learning_rate` is among them. */
  readonly scalars: (step: number) => Readonly<Record<string, number>> & { readonly learning_rate: number }
  /** `memory` has the slots, names and shapes that the function `memory` gave, both where it comes in and where it goes out. */
  readonly update: (now: {
    readonly trainees: ReadonlyArray<Trainee>
    readonly memory: Memory<Value>
    /** This step's numbers, as scalars. */
    readonly scalar: (name: string) => Value
  }) => {
    /** In the order of the trainees. */
    readonly parameters: ReadonlyArray<Value>
    readonly memory: Memory<Value>
  }
}

/** What a rule that looks at one parameter at a time sees of it. */
export type Update = Trainee & {
  /** The memory of this parameter. */
  readonly slot: (name: string) => Value
  readonly scalar: (name: string) => Value
}

/** An optimizer to which every parameter is a world of its own. */
export type UpdateRule = Pick<Optimizer, 'scalars' | 'elementwise'> & {
  /** The slots of a parameter with these dimensions, with theirs; they start as zeros. */
  readonly slots: (dims: ReadonlyArray<number>) => Readonly<Record<string, ReadonlyArray<number>>>
  readonly update: (update: Update) => {
    readonly parameter: Value
    readonly slots: Readonly<Record<string, Value>>
  }
}

/** From slots by name to names by slot; a name is left out of the slots that it has not. */
const bySlot = <T>(entries: ReadonlyArray<readonly [string, Readonly<Record<string, T>>]>): Memory<T> => {
  const slots = [...new Set(entries.flatMap(([, own]) => Object.keys(own)))]
  return Object.fromEntries(
    slots.map((slot) => [
      slot,
      Object.fromEntries(
        entries.flatMap(([name, own]) => (Object.hasOwn(own, slot) ? [[name, own[slot]] as const] : [])),
      ),
    ]),
  )
}

/**
 * The optimizer that applies a rule to every parameter by itself.
 *
 * @example
 * const signDescent = perParameter({
 *   elementwise: true,
 *   slots: () => ({}),
 *   scalars: () => ({ learning_rate: 1e-3 }),
 *   update: ({ parameter, gradient, scalar }) => ({
 *     parameter: sub(parameter, mul(scalar('learning_rate'), sign(gradient))),
 *     slots: {},
 *   }),
 * })
 */
export const perParameter = ({ elementwise = false, slots, scalars, update }: UpdateRule): Optimizer => ({
  elementwise,
  scalars,
  memory: (parameters) =>
    bySlot(
      Object.entries(parameters).map(([name, { dims }]) => [
        name,
        Object.fromEntries(
          Object.entries(slots(dims)).map(([slot, own]) => [slot, float32(own, new Float32Array(size(own)))]),
        ),
      ]),
    ),
  update: ({ trainees, memory, scalar }) => {
    const updated = trainees.map((trainee) => ({
      name: trainee.name,
      ...update({ ...trainee, scalar, slot: (slot) => memory[slot][trainee.name] }),
    }))
    return {
      parameters: updated.map(({ parameter }) => parameter),
      memory: bySlot(updated.map(({ name, slots: own }) => [name, own])),
    }
  },
})
