import {
  cast,
  dependents,
  operator,
  type OperatorName,
  type OperatorNode,
  topological,
  type Value,
  valueOf,
  type Node,
} from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Model } from './model.js'

export const precisions = ['float32', 'float16', 'bfloat16'] as const

/** What most of a model is computed in. Its weights stay float32. */
export type Precision = (typeof precisions)[number]

type Low = Exclude<Precision, 'float32'>

/** Sums of products: nearly all the work, with sums that the hardware keeps in float32. */
const products: ReadonlyArray<OperatorName> = ['Conv', 'ConvTranspose', 'Einsum', 'Gemm', 'MatMul']

/** ONNX has these for bfloat16 only since opset 22, and deriva writes opset 21. */
const withoutBfloat16: ReadonlyArray<OperatorName> = [
  'AveragePool',
  'Conv',
  'ConvTranspose',
  'Einsum',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'MaxPool',
]

/** What overflows, cancels or adds up many numbers. */
const delicate: ReadonlyArray<OperatorName> = [
  'Acos',
  'Asin',
  'BatchNormalization',
  'Cosh',
  'CumSum',
  'Div',
  'Exp',
  'GroupNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'Log',
  'LogSoftmax',
  'LpNormalization',
  'Mean',
  'Pow',
  'Reciprocal',
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMean',
  'ReduceProd',
  'ReduceSum',
  'ReduceSumSquare',
  'Sinh',
  'Softmax',
  'Softplus',
  'Sqrt',
  'Tan',
]

/** Operators whose later inputs are settings, not data of the same type. */
const settled: ReadonlyArray<OperatorName> = ['Resize']

/** x·x, which a norm or a variance is made of: in float16 it overflows from 256 on. */
const isSquare = ({ operator: name, inputs: [a, b] }: OperatorNode): boolean =>
  name === 'Mul' && a !== undefined && b !== undefined && a.node === b.node && a.output === b.output

const kindOf = (node: OperatorNode, low: Low): 'low' | 'float32' | 'as its data' | 'as it is' => {
  const { operator: name } = node
  if (name === 'Cast') return 'as it is'
  if (low === 'bfloat16' && withoutBfloat16.includes(name)) return 'float32'
  if (products.includes(name)) return 'low'
  if (isSquare(node)) return 'float32'
  return delicate.includes(name) ? 'float32' : 'as its data'
}

export type PrecisionOptions = {
  /**
   * Only round to this precision what operators read and give, and compute in float32: to see what a precision does to a training
   * on a device that has not got it. Gradients are not rounded. Default false.
   */
  readonly emulated?: boolean
}

/**
 * A model computed in another precision, in the manner of mixed precision training (Micikevicius et al. 2018, arXiv 1710.03740) by
 * the lists of PyTorch's autocast: products and convolutions in it, normalisations, softmax, exponentials, quotients and sums in
 * float32, everything else in what its data comes in, and where that differs in float32. Weights stay float32 parameters and
 * are cast once, so gradients, optimizer and checkpoints are float32. Latents and prediction are float32 as before.
 *
 * It is a model like any other: rollouts, adapters, checkpointing and gradients need not know. With float16 small gradients vanish
 * unless the loss is scaled (`lossScaling` of `trainer`).
 *
 * Convolutions, Einsum and pooling stay float32 with bfloat16, which ONNX has for them only since opset 22. ONNX Runtime's CPU
 * computes float16 in float32, and rounds only where its optimiser leaves a rounding in, so nothing is gained there; bfloat16 it
 * refuses when a session is opened. The GPUs have float16, and CUDA bfloat16.
 *
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const half = inPrecision('float16')(model)
 */
export const inPrecision =
  (precision: Precision, { emulated = false }: PrecisionOptions = {}) =>
  <P extends Parameterisation>(model: Model<P>): Model<P> =>
    precision === 'float32'
      ? model
      : {
          ...model,
          prediction: rewritten(model.prediction, precision, emulated),
          ...(model.training === undefined
            ? {}
            : { training: rewritten(model.training, precision, emulated) }),
        }

const rewritten = (prediction: Value, low: Low, emulated: boolean): Value => {
  const replaced = new Map<Node, ReadonlyArray<Value>>()
  /** Nodes that depend on an input: others are weights, or made of weights, and come in whatever is asked for. */
  const order = topological([prediction])
  const activations = dependents(order, ({ kind }) => kind === 'input')
  /** Emulated: what stands for a value of low precision, in float32. */
  const rounded = new Set<Node>()
  const current = (value: Value): Value => replaced.get(value.node)?.[value.output] ?? value
  const inLow = (value: Value): Value => {
    if (!emulated) return cast(value, low)
    if (rounded.has(value.node)) return value
    const near = cast(cast(value, low), value.type)
    rounded.add(near.node)
    return near
  }
  const isLow = (value: Value): boolean => (emulated ? rounded.has(value.node) : value.type === low)

  const rebuilt = (node: OperatorNode): ReadonlyArray<Value> => {
    const kind = kindOf(node, low)
    const data = settled.includes(node.operator) ? node.inputs.slice(0, 1) : node.inputs
    const floats = data.filter((x) => x !== undefined && isWide(x) && activations.has(x.node))
    const follows = floats.length > 0 && floats.every((x) => x !== undefined && isLow(current(x)))
    const goesLow = kind === 'low' || (kind === 'as its data' && follows)
    const inputs = node.inputs.map((x, i) => {
      if (x === undefined || !isWide(x) || kind === 'as it is' || i >= data.length) return x && current(x)
      return goesLow ? inLow(current(x)) : emulated ? current(x) : cast(current(x), 'float32')
    })
    const outputs = operator<OperatorName>(
      node.operator,
      inputs,
      node.attributes,
      node.outputs.length,
      node.name,
    )
    return goesLow && emulated ? outputs.map((y) => (isWide(y) ? inLow(y) : y)) : outputs
  }

  for (const node of order)
    if (node.kind === 'operator' && activations.has(node)) replaced.set(node, rebuilt(node))
  const { node, output } = prediction
  return cast(current(valueOf(node, output)), prediction.type)
}

/** What is computed in float32 unless it is made to be otherwise; float64 and what is low already stay as they are. */
const isWide = ({ type }: Value): boolean => type === 'float32'
