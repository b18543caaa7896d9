import type { AttributesOf, OperatorName, Value } from '../onnx/index.js'
import { Refusal } from './refusal.js'

/** One use of an operator in a graph, as its gradient rule sees it. */
export class Application<O extends OperatorName = OperatorName> {
  constructor(
    readonly attributes: AttributesOf<O>,
    /** Undefined where an optional input is left out. */
    readonly inputs: ReadonlyArray<Value | undefined>,
    readonly outputs: ReadonlyArray<Value>,
    /** d loss / d output, for every output; undefined where the loss does not depend on it. */
    readonly cotangents: ReadonlyArray<Value | undefined>,
    private readonly asked: ReadonlyArray<boolean>,
    private readonly sources: ReadonlyArray<boolean>,
  ) {}

  /** An input that has to be there. */
  input(i: number): Value {
    const x = this.inputs.at(i)
    if (x === undefined) throw new RangeError(`input ${i} is left out`)
    return x
  }

  output(i: number): Value {
    const y = this.outputs.at(i)
    if (y === undefined) throw new RangeError(`there is no output ${i}`)
    return y
  }

  /** Whether anybody asked for the gradient of input i: what nobody asked for may be left undefined. */
  wants(i: number): boolean {
    return this.asked[i] ?? false
  }

  /**
   * Whether input i itself is what the gradient is asked for, so that all of it has to be told apart. A rule that sees through an
   * input, to what that was computed from, may only do so where it is not.
   */
  isSource(i: number): boolean {
    return this.sources[i] ?? false
  }

  /** There is no gradient; the reason completes "cannot differentiate <operator>: it …". */
  refuse(reason: string): never {
    throw new Refusal(reason)
  }
}
