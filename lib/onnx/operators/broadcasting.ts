import type { Attribute } from '../attribute.js'
import type { Call, Definition, Typed } from '../definition.js'
import { unknown, type Dim } from '../dim.js'
import { broadcast, showShape, type Shape } from '../shape.js'

/** No attribute names at all. */
export const noAttributes = {} as const satisfies Readonly<Record<string, Attribute>>

export type NoAttributes = typeof noAttributes

/** An operator without attributes. */
export type Plain = Definition<NoAttributes>

/**
 * The common shape of some inputs: aligned at their last axes, where 1 stretches.
 *
 * @example
 * const call = new Call('Add', [{ type: 'float32', shape: ['batch', 4] }, { type: 'float32', shape: [4] }], {}, 1)
 * const shape = broadcasting.broadcastInputs(call, 0, 1) // ['batch', 4]
 */
export const broadcastInputs = (call: Call, ...inputs: ReadonlyArray<number>): Shape =>
  inputs.reduce<Shape>((shape, i) => {
    const next = call.inputs[i]?.shape ?? []
    return (
      broadcast(shape, next) ??
      call.fail(
        `${showShape(shape)} and ${showShape(next)} do not broadcast: aligned at the last axis, lengths have to be equal or 1`,
      )
    )
  }, [])

/**
 * Shape arithmetic on elements that may be symbols: f of the inputs' elements, vectors of length 1 stretched.
 *
 * @example
 * const elements = broadcasting.symbolically((a = 0, b = 0) => dims.plus(a, b))
 */
export const symbolically =
  (f: (...xs: ReadonlyArray<Dim>) => Dim) =>
  (call: Call, output: Typed): ReadonlyArray<Dim> | undefined => {
    const inputs = call.inputs.flatMap((x) => (x === undefined ? [] : [x.elements]))
    const [length = 1] = output.shape
    if (typeof length !== 'number') return undefined
    return Array.from({ length }, (_, i) =>
      f(...inputs.map((elements) => elements?.[elements.length === 1 ? 0 : i] ?? unknown)),
    )
  }
