import type { ElementType, Tensor } from '../types/index.js'
import type { Attributes, Resolved } from './attribute.js'
import type { Dim } from './dim.js'
import { longestShape } from './element.js'
import { GraphFailure } from './graph-failure.js'
import { axisOf, showShape, type Shape } from './shape.js'

/** What is known of a tensor before the graph runs. */
export type Typed = {
  readonly type: ElementType
  readonly shape: Shape
  /**
   * The elements of a small integer or boolean tensor, as far as they are known: shape arithmetic keeps its meaning while the
   * batch is still a symbol. `?` where one is not known.
   */
  readonly elements?: ReadonlyArray<Dim>
}

/** An input of an operator as inference sees it. */
export type Operand = Typed & {
  /** The value, where it is a constant. */
  readonly tensor?: Tensor
}

/** One use of an operator, about to become a node. */
export class Call<A extends Attributes = Attributes> {
  constructor(
    readonly operator: string,
    readonly inputs: ReadonlyArray<Operand | undefined>,
    readonly attributes: Resolved<A>,
    readonly outputs: number,
  ) {}

  /** Refuses the call, naming the operator, its inputs and what would be right. */
  fail(message: string): never {
    const inputs = this.inputs.map((x) => (x === undefined ? 'none' : `${x.type}${showShape(x.shape)}`))
    throw new GraphFailure(`${this.operator}(${inputs.join(', ')}): ${message}`, this.operator)
  }

  /** An input that has to be there. */
  input(i: number): Operand {
    return this.inputs[i] ?? this.fail(`input ${i} is missing`)
  }

  /** The integers of an input that shapes depend on, all known. */
  integers(i: number): ReadonlyArray<number> {
    const elements = this.elements(i)
    if (elements === undefined || !elements.every((x) => typeof x === 'number')) {
      return this.fail(
        `input ${i} decides the shape of the result, so it has to be a constant (bind symbolic dimensions to numbers first)`,
      )
    }
    return elements
  }

  /** The elements of an integer input, as far as known; undefined where not even their number is. */
  elements(i: number): ReadonlyArray<Dim> | undefined {
    const { elements, shape, tensor } = this.input(i)
    if (shape.length > 1) this.fail(`input ${i} has to be a vector or a scalar of integers`)
    if (elements !== undefined) return elements
    if (tensor !== undefined) return Array.from(tensor.data, Number)
    const [length] = shape
    return shape.length === 1 && typeof length === 'number' && length <= longestShape
      ? new Array<Dim>(length).fill('?')
      : undefined
  }

  /** An axis of a tensor with `rank` axes, counted from the front. */
  axis(axis: number, rank: number): number {
    return axisOf(axis, rank) ?? this.fail(`axis ${axis} is outside ${-rank} … ${rank - 1}`)
  }

  /** Refuses an input whose element type is not one of these. */
  demand(i: number, types: ReadonlyArray<ElementType>): Operand {
    const x = this.input(i)
    return types.includes(x.type) ? x : this.fail(`input ${i} has to be ${types.join(' or ')}, not ${x.type}`)
  }

  /** Refuses inputs of different element types. */
  sameType(...inputs: ReadonlyArray<number>): ElementType {
    const present = inputs.flatMap((i) => this.inputs[i] ?? [])
    const first = present.at(0)
    if (first === undefined) return this.fail('at least one input is needed')
    if (present.some((x) => x.type !== first.type))
      this.fail('the inputs have to have one element type; cast one of them')
    return first.type
  }

  /** Refuses an input without exactly `rank` axes. */
  rank(i: number, rank: number): Operand {
    const x = this.input(i)
    return x.shape.length === rank
      ? x
      : this.fail(`input ${i} has to have ${rank} axes, not ${x.shape.length}`)
  }
}

/**
 * Everything the library knows about an operator. The functions are methods so that a table of definitions with different
 * attributes can be read as a table of `Definition<Attributes>`: a definition is only ever called with its own attributes,
 * because a node's attributes were resolved by the same row.
 */
export type Definition<A extends Attributes = Attributes> = {
  /** Fewest and most inputs. */
  readonly inputs: readonly [number, number]
  /** Fewest and most outputs; one where absent. */
  readonly outputs?: readonly [number, number]
  readonly attributes: A
  /**
   * Inputs that say what to do rather than what to do it to (axes, sizes, bounds, running statistics). A file's float initializer
   * in such a place is a constant, not a weight to be trained.
   */
  readonly settings?: ReadonlyArray<number>
  /** Attributes in their one canonical form: axes from the front, lists in full, padding explicit where sizes are known. */
  normalise?(call: Call<A>): Resolved<A>
  /** Element type and shape of every output; attributes are normalised. */
  infer(call: Call<A>): ReadonlyArray<Typed>
  /** The elements of a small integer result, as far as they follow from the inputs'; see `Typed.elements`. */
  elements?(call: Call<A>, output: Typed): ReadonlyArray<Dim> | undefined
  /** The input the result is equal to, where the operator does nothing. */
  passes?(call: Call<A>, output: Typed): number | undefined
  /** The results for constant inputs, in float64 and rounded to the element type; undefined where that is left to the runtime. */
  evaluate?(
    inputs: ReadonlyArray<Tensor | undefined>,
    outputs: ReadonlyArray<Typed>,
    call: Call<A>,
  ): ReadonlyArray<Tensor> | undefined
}

/**
 * A row of the table. The attributes' types come from `attributes` alone, never from the functions that read them.
 *
 * @example
 * const twice = define({ inputs: [1, 1], attributes: {}, infer: (call) => [call.demand(0, floats)] })
 */
export const define = <const A extends Attributes>(
  definition: { readonly attributes: A } & Definition<NoInfer<A>>,
): Definition<A> => definition
