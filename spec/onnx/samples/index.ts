import type { OperatorName, Value } from '../../../lib/onnx/index.js'
import { arrangeSamples } from './arrange.js'
import type { Draw } from './draw.js'
import { linearSamples } from './linear.js'
import { pointwiseSamples } from './pointwise.js'

/** A random call of every operator: an operator without one does not compile. */
export const samples: { readonly [O in OperatorName]: (d: Draw) => ReadonlyArray<Value> } = {
  ...pointwiseSamples,
  ...linearSamples,
  ...arrangeSamples,
}
