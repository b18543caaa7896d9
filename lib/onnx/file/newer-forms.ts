import * as build from '../build/index.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { attributeOf, requiredInput, type FileNode, type Form } from './file-node.js'
import { GraphFailure } from '../graph-failure.js'
import { isFloat } from '../element.js'
import type { Value } from '../value.js'

/** Operators of opset 22 and later, and those that are short for a few others: written with operators of opset 21. */

/** Refuses a node that wants what is not there. */
const refuse = (reason: string): never => {
  throw new GraphFailure(reason)
}

/** Inputs whose presence makes a node a step of text generation, which has no place in training. */
const withoutCache = (node: FileNode, inputs: ReadonlyArray<number>): void => {
  if (inputs.some((i) => node.inputs[i] !== undefined)) {
    refuse('keys and values of an earlier call (a cache) are not supported; export the model without')
  }
}

/**
 * Attention of opset 23 and 24, with heads as an axis or side by side in the last one.
 * Inputs: q, k, v, mask, past key, past value, number of keys that count.
 */
const attention: Form = (node) => {
  withoutCache(node, [4, 5])
  if (node.outputs > 3) refuse('the scores are not supported as an output')
  for (const side of ['left_window_size', 'right_window_size'])
    if ((attributeOf(node, side, 'int') ?? -1) >= 0) refuse(`${side} is not supported; export with a mask`)
  const operands = [requiredInput(node, 0), requiredInput(node, 1), requiredInput(node, 2)] as const
  const flat = operands[0].shape.length === 3
  const heads = (name: string): number =>
    attributeOf(node, name, 'int') ?? refuse(`${name} is missing, which three axes need`)
  const counts = flat ? [heads('q_num_heads'), heads('kv_num_heads'), heads('kv_num_heads')] : []
  const [q, k, v] = operands.map((x, i) => (flat ? build.splitHeads(x, counts[i] ?? 1) : x))
  const causal = attributeOf(node, 'is_causal', 'int') === 1
  const valid = node.inputs[6]
  if (causal && valid !== undefined)
    refuse('is_causal with nonpad_kv_seqlen is not supported; export with a mask')
  const dataType = attributeOf(node, 'softmax_precision', 'int')
  const precision = dataType === undefined || dataType === 0 ? undefined : elementTypeOf(dataType)
  if (precision !== undefined && !isFloat(precision))
    refuse(`softmax_precision ${showDataType(dataType ?? 0)} is no float`)
  const y = build.dotProductAttention(q, k, v, {
    mask: alsoValid(node.inputs[3], k, valid),
    causal,
    scale: attributeOf(node, 'scale', 'float'),
    softcap: attributeOf(node, 'softcap', 'float') ?? 0,
    precision,
  })
  return [flat ? build.mergeHeads(y) : y, k, v]
}

/** A mask that is false, too, beyond the number of keys that count in each sample. */
const alsoValid = (mask: Value | undefined, k: Value, valid: Value | undefined): Value | undefined => {
  if (valid === undefined) return mask
  const count = build.gather(build.shapeOf(k), build.scalar(2, 'int64'))
  const keys = build.range(build.scalar(0, 'int64'), count, build.scalar(1, 'int64'))
  const within = build.less(keys, build.reshape(valid, [-1, 1, 1, 1]))
  if (mask === undefined) return within
  return mask.type === 'bool' ? build.and(mask, within) : build.where(within, mask, -1e38)
}

/** Inputs: x, cosines, sines, positions. */
const rotaryEmbedding: Form = (node) => {
  const [x, cos, sin] = [requiredInput(node, 0), requiredInput(node, 1), requiredInput(node, 2)]
  const positions = node.inputs[3]
  const flat = x.shape.length === 3
  const heads = attributeOf(node, 'num_heads', 'int') ?? 0
  if (flat && heads < 1) refuse('num_heads is missing, which three axes need')
  const split = flat ? build.splitHeads(x, heads) : x
  const pairs = cos.shape.at(-1)
  const dim = attributeOf(node, 'rotary_embedding_dim', 'int') ?? 0
  if (typeof pairs !== 'number' || (dim > 0 && dim !== 2 * pairs))
    return refuse(`rotary_embedding_dim is ${dim}, but there are ${String(pairs)} cosines for each position`)
  // [batch or nothing, tokens, pairs], and an axis for the heads.
  const table = (cache: Value): Value =>
    build.unsqueeze(positions === undefined ? cache : build.gather(cache, positions), [1])
  const interleaved = attributeOf(node, 'interleaved', 'int') === 1
  const y = build.rotary(split, table(cos), table(sin), pairs, interleaved)
  return [flat ? build.mergeHeads(y) : y]
}

/** x / √(mean(x²) + epsilon) · scale over the axes from `axis` on (Zhang & Sennrich 2019, arXiv 1910.07467). */
const rmsNormalization: Form = (node) => {
  const [x, scale] = [requiredInput(node, 0), requiredInput(node, 1)]
  const rank = x.shape.length
  const axis = attributeOf(node, 'axis', 'int') ?? -1
  const first = axis < 0 ? axis + rank : axis
  const axes = Array.from({ length: rank }, (_, i) => i).slice(Math.max(first, 0))
  const epsilon = attributeOf(node, 'epsilon', 'float') ?? 1e-5
  // stash_type 1: mean and root in float32 whatever x is.
  const wide = x.type === 'float16' || x.type === 'bfloat16' ? build.cast(x, 'float32') : x
  const square = build.reduceMean(build.mul(wide, wide), axes)
  const normal = build.div(wide, build.sqrt(build.add(square, epsilon)))
  return [build.mul(build.cast(normal, x.type), scale)]
}

/** x · sigmoid(alpha x) (Ramachandran et al. 2017, arXiv 1710.05941). */
const swish: Form = (node) => {
  const x = requiredInput(node, 0)
  const alpha = attributeOf(node, 'alpha', 'float') ?? 1
  return [build.mul(x, build.sigmoid(alpha === 1 ? x : build.mul(x, alpha)))]
}

/** max(x, 0) + min(alpha (exp(x/alpha) − 1), 0) (Barron 2017, arXiv 1704.07483). */
const celu: Form = (node) => {
  const x = requiredInput(node, 0)
  const alpha = attributeOf(node, 'alpha', 'float') ?? 1
  return [build.mul(build.elu(build.div(x, alpha)), alpha)]
}

const thresholdedRelu: Form = (node) => {
  const x = requiredInput(node, 0)
  return [build.where(build.greater(x, attributeOf(node, 'alpha', 'float') ?? 1), x, 0)]
}

/** (x − mean) / √variance over some axes. */
const meanVarianceNormalization: Form = (node) => {
  const x = requiredInput(node, 0)
  const axes = attributeOf(node, 'axes', 'ints') ?? [0, 2, 3]
  const centred = build.sub(x, build.reduceMean(x, axes))
  const variance = build.reduceMean(build.mul(centred, centred), axes)
  return [build.div(centred, build.sqrt(build.add(variance, 1e-9)))]
}

const isInfinite: Form = (node) => {
  const x = requiredInput(node, 0)
  const [positive, negative] = [build.equal(x, Infinity), build.equal(x, -Infinity)]
  const [up, down] = [
    attributeOf(node, 'detect_positive', 'int') ?? 1,
    attributeOf(node, 'detect_negative', 'int') ?? 1,
  ]
  if (up === 0 && down === 0) refuse('it would detect nothing')
  return [up === 0 ? negative : down === 0 ? positive : build.or(positive, negative)]
}

/** The written-out forms, by operator. */
export const newerForms: Readonly<Record<string, Form>> = {
  Attention: attention,
  RotaryEmbedding: rotaryEmbedding,
  RMSNormalization: rmsNormalization,
  // ONNX Runtime's optimiser writes it among ONNX's own.
  SimplifiedLayerNormalization: rmsNormalization,
  Swish: swish,
  Celu: celu,
  ThresholdedRelu: thresholdedRelu,
  MeanVarianceNormalization: meanVarianceNormalization,
  IsInf: isInfinite,
  Asinh: (node) => {
    const x = requiredInput(node, 0)
    const distance = build.sqrt(build.add(build.mul(x, x), 1))
    return [build.mul(build.sign(x), build.log(build.add(build.abs(x), distance)))]
  },
  Acosh: (node) => {
    const x = requiredInput(node, 0)
    return [build.log(build.add(x, build.sqrt(build.sub(build.mul(x, x), 1))))]
  },
  Atanh: (node) => {
    const x = requiredInput(node, 0)
    return [build.mul(build.log(build.div(build.add(x, 1), build.sub(1, x))), 0.5)]
  },
}
