import * as build from '../build/index.js'
import { dequantised } from './dequantised.js'
import { attributeOf, asWritten, moved, requiredInput, type FileNode, type Form } from './file-node.js'
import { GraphFailure } from '../graph-failure.js'
import type { Value } from '../value.js'

/** ONNX Runtime's own operators, which its optimiser and a few exporters leave in files, in standard ones. */

const refuse = (reason: string): never => {
  throw new GraphFailure(reason)
}

/** A node that stands among ONNX's own operators by the same name and form. */
const standard = (node: FileNode, opset: number): ReadonlyArray<Value> =>
  asWritten({ ...node, domain: '', opset })

const withBias = (x: Value, bias: Value | undefined): Value => (bias === undefined ? x : build.add(x, bias))

/** alpha · op(a) · op(b); transBatch swaps the batch with the rows before. */
const fusedMatMul: Form = (node) => {
  const side = (i: number, letter: 'A' | 'B'): Value => {
    const x = requiredInput(node, i)
    if (attributeOf(node, `transBatch${letter}`, 'int') === 1)
      return refuse(`transBatch${letter} is not supported`)
    if (attributeOf(node, `trans${letter}`, 'int') !== 1) return x
    const rank = x.shape.length
    const axes = [...x.shape.keys()]
    return rank < 2 ? x : build.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2])
  }
  const product = build.matMul(side(0, 'A'), side(1, 'B'))
  const alpha = attributeOf(node, 'alpha', 'float') ?? 1
  return [alpha === 1 ? product : build.mul(product, alpha)]
}

/** A normalisation of x + skip (+ bias); output 3 is that sum. 1 and 2 are statistics that only ONNX Runtime's own training reads. */
const skipLayerNormalization =
  (normalise: (x: Value, scale: Value, node: FileNode) => Value, biasAt: number): Form =>
  (node) => {
    const skipped = build.add(requiredInput(node, 0), requiredInput(node, 1))
    const x = withBias(skipped, node.inputs[biasAt])
    const y = normalise(x, requiredInput(node, 2), node)
    return [y, undefined, undefined, x]
  }

const epsilonOf = (node: FileNode, otherwise: number): number =>
  attributeOf(node, 'epsilon', 'float') ?? otherwise

const rootMeanSquare = (x: Value, scale: Value, epsilon: number): Value => {
  const mean = build.reduceMean(build.mul(x, x), [x.shape.length - 1])
  return build.mul(build.div(x, build.sqrt(build.add(mean, epsilon))), scale)
}

/** [batch, …, channels] or [batch, channels, …], groups of channels standardised, with SiLU or not. */
const groupNorm: Form = (node) => {
  const x = requiredInput(node, 0)
  const last = x.shape.length - 1
  const channelsLast = (attributeOf(node, 'channels_last', 'int') ?? 1) === 1
  const axes = [...x.shape.keys()]
  const moved = channelsLast ? build.transpose(x, [0, last, ...axes.slice(1, -1)]) : x
  const y = build.groupNormalization(
    moved,
    requiredInput(node, 1),
    requiredInput(node, 2),
    attributeOf(node, 'groups', 'int') ?? refuse('groups is missing'),
    epsilonOf(node, 1e-5),
  )
  const back = channelsLast ? build.transpose(y, [0, ...axes.slice(2), 1]) : y
  return [attributeOf(node, 'activation', 'int') === 1 ? build.mul(back, build.sigmoid(back)) : back]
}

/** Inputs q, k, v [batch, tokens, heads·size], bias of all three, key mask, added scores, cache. Packed forms are refused. */
const multiHeadAttention: Form = (node) => {
  const heads = attributeOf(node, 'num_heads', 'int') ?? refuse('num_heads is missing')
  const q = requiredInput(node, 0)
  const [k, v] = [node.inputs[1], node.inputs[2]]
  if (k === undefined || v === undefined || [q, k, v].some(({ shape }) => shape.length !== 3))
    return refuse('packed queries, keys and values are not supported; export without optimising')
  if (node.inputs[4] !== undefined) refuse('a key padding mask is not supported; export with added scores')
  if ([6, 7].some((i) => node.inputs[i] !== undefined)) refuse('a cache is not supported; export without')
  if (node.outputs > 1) refuse('only its first output is supported')
  const widths = [q, k, v].map(({ shape }) => shape[2])
  if (!widths.every((width) => typeof width === 'number')) return refuse('the widths have to be known')
  const bias = node.inputs[3]
  const biases = bias === undefined ? [] : build.split(bias, widths, 0)
  const [a, b, c] = [q, k, v].map((x, i) => build.splitHeads(withBias(x, biases.at(i)), heads))
  const scale = attributeOf(node, 'scale', 'float')
  const y = build.dotProductAttention(a, b, c, {
    mask: node.inputs[5],
    causal: attributeOf(node, 'unidirectional', 'int') === 1,
    scale: scale === 0 ? undefined : scale,
  })
  return [build.mergeHeads(y)]
}

const quickGelu: Form = (node) => {
  const x = requiredInput(node, 0)
  return [build.mul(x, build.sigmoid(build.mul(x, attributeOf(node, 'alpha', 'float') ?? 1.702)))]
}

/** What FusedConv ends in, from its activation_params, which ONNX Runtime writes in full. */
const activated: Readonly<Record<string, (x: Value, parameters: ReadonlyArray<number>) => Value>> = {
  Clip: (x, [low, high]) => build.clip(x, low, high),
  HardSigmoid: (x, [alpha, beta]) => build.hardSigmoid(x, { alpha, beta }),
  LeakyRelu: (x, [alpha]) => build.leakyRelu(x, { alpha }),
  Relu: build.relu,
  Sigmoid: build.sigmoid,
  Tanh: build.tanh,
}

/** activation(Conv(x, w, b) + z) */
const fusedConv: Form = (node) => {
  const name = attributeOf(node, 'activation', 'string') ?? ''
  if (!Object.hasOwn(activated, name)) refuse(`activation ${name} is not supported`)
  const convolution = moved(node, node.inputs.slice(0, 3), 'activation', 'activation_params')
  const parameters = attributeOf(node, 'activation_params', 'floats') ?? []
  return standard({ ...convolution, operator: 'Conv' }, 21).map((y) =>
    activated[name](withBias(y, node.inputs[3]), parameters),
  )
}

/** The standard forms, by operator. What is not listed is refused by name. */
export const microsoftForms: Readonly<Record<string, Form>> = {
  BiasAdd: (node) => [
    build.add(build.add(requiredInput(node, 0), requiredInput(node, 1)), requiredInput(node, 2)),
  ],
  DequantizeLinear: dequantised,
  BiasGelu: (node) => [build.gelu(build.add(requiredInput(node, 0), requiredInput(node, 1)))],
  FastGelu: (node) => [build.gelu(withBias(requiredInput(node, 0), node.inputs[1]), { approximate: 'tanh' })],
  FusedConv: fusedConv,
  FusedMatMul: fusedMatMul,
  Gelu: (node) => standard(node, 20),
  GroupNorm: groupNorm,
  LayerNormalization: (node) => standard(node, 17),
  MultiHeadAttention: multiHeadAttention,
  QuickGelu: quickGelu,
  SkipLayerNormalization: skipLayerNormalization(
    (x, scale, node) =>
      build.layerNormalization(x, scale, node.inputs[3], { epsilon: epsilonOf(node, 1e-12) }),
    4,
  ),
  SkipSimplifiedLayerNormalization: skipLayerNormalization(
    (x, scale, node) => rootMeanSquare(x, scale, epsilonOf(node, 1e-12)),
    3,
  ),
}
