import { trainingStep } from '../model/index.js'
import { add, input, leaves, mul, scalar, substitute, type Value } from '../onnx/index.js'
import { float32, type TensorOf } from '../types/index.js'
import type { Memory } from './optimizer.js'

const { slot, name } = trainingStep
const step = `${slot}/${name}`
const part = `${slot}/part`

/** What a loss needs that reads how many steps have been taken, as dropout does. Nothing for others. */
export type StepCount = {
  /** The same values for one of so many parts of a batch, each of which counts as a step of its own. */
  readonly values: ReadonlyArray<Value>
  /** What parts add up to tell themselves apart: after i of them, i. */
  readonly summands: Readonly<Record<string, Value>>
  readonly memory: Memory<TensorOf<'float32'>>
  readonly next: Memory<Value>
}

/**
 * Keeps count of the steps in the state, so that what is random in a graph goes on after a restart as if there had been none.
 *
 * @param values of the graph of a step, or of one of `parts`
 * @example
 * const { memory } = stepCount([input('dropout/step', 'float32', [])], 1)
 */
export const stepCount = (values: ReadonlyArray<Value>, parts: number): StepCount => {
  const reads = leaves(values).some(({ node }) => node.kind === 'input' && node.name === step)
  if (!reads) return { values, summands: {}, memory: {}, next: {} }
  const taken = input(step, 'float32', [])
  return {
    values:
      parts === 1
        ? values
        : substitute(values, ({ node }) =>
            node.kind === 'input' && node.name === step
              ? add(mul(taken, parts), input(part, 'float32', []))
              : undefined,
          ),
    // A sum over the parts of what is divided by their number.
    summands: parts === 1 ? {} : { [part]: scalar(parts) },
    memory: { [slot]: { [name]: float32([], [0]) } },
    next: { [slot]: { [name]: add(taken, 1) } },
  }
}
