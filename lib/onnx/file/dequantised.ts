import { converted, isFloat, toNumbers } from '../element.js'
import { GraphFailure } from '../graph-failure.js'
import { axisOf, showShape } from '../shape.js'
import { parameter, type ConstantNode, type Node, type Value } from '../value.js'
import { deferred, size, type ElementType, type Tensor } from '../../types/index.js'
import { elementTypeOf } from './data-type.js'
import { attributeOf, requiredInput, type FileNode, type Form } from './file-node.js'

/** Which scale belongs to an element: its steps along the outer axes, along the one that is divided into blocks, and along the inner axes. */
type Layout = {
  readonly outer: number
  readonly length: number
  readonly inner: number
  /** So many elements along the axis have one scale. */
  readonly block: number
  readonly steps: readonly [number, number, number]
}

/** One scale for all elements, one for each index of an axis, or one for each block of elements along it. */
const layoutOf = (node: FileNode, dims: ReadonlyArray<number>, scales: ReadonlyArray<number>): Layout => {
  const block = attributeOf(node, 'block_size', 'int') ?? 0
  if (block === 0 && scales.length <= 1 && size(scales) === 1)
    return { outer: 1, length: 1, inner: size(dims), block: 1, steps: [0, 0, 0] }
  const axis = axisOf(attributeOf(node, 'axis', 'int') ?? 1, dims.length)
  if (axis !== undefined) {
    const length = dims[axis]
    const [outer, inner] = [size(dims.slice(0, axis)), size(dims.slice(axis + 1))]
    if (block === 0 && scales.length === 1 && scales[0] === length)
      return { outer, length, inner, block: 1, steps: [0, 1, 0] }
    const blocks = Math.ceil(length / block)
    if (block > 0 && dims.with(axis, blocks).join() === scales.join())
      return { outer, length, inner, block, steps: [blocks * inner, inner, 1] }
  }
  throw new GraphFailure(
    `scales of shape ${showShape(scales)} fit neither all of ${showShape(dims)}, nor its axis, nor blocks of ${block} along that`,
  )
}

/** (x − zero) · scale */
const elementsOf = (
  { data, dims }: Tensor,
  scale: Float64Array,
  zero: Float64Array | undefined,
  { outer, length, inner, block, steps }: Layout,
): Float32Array => {
  const y = new Float32Array(size(dims))
  let i = 0
  for (let o = 0; o < outer; o++)
    for (let a = 0; a < length; a++) {
      const first = o * steps[0] + Math.floor(a / block) * steps[1]
      for (let k = 0; k < inner; k++, i++) {
        const at = first + k * steps[2]
        y[i] = (Number(data[i]) - (zero?.[at] ?? 0)) * scale[at]
      }
    }
  return y
}

const inType = (tensor: Tensor, type: ElementType): Tensor =>
  tensor.type === type ? tensor : deferred(type, tensor.dims, () => converted(tensor, type).data)

/** Without what quantisers put behind the names of weights. */
const originalName = (name: string): string => name.replace(/_(quantized|(DQ_)?Q\d)$/, '')

type Read = { readonly scale: Node; readonly zero: Node | undefined; readonly value: Value }

/** Quantisers give every reader of a weight a node of its own, and all of them are the same weight. */
const read = new WeakMap<ConstantNode, Read>()

/**
 * A weight that the file has as whole numbers and scales: a float weight, whose elements are computed when they are needed. It trains like any other, and
 * comes back as floats.
 *
 * @throws GraphFailure where what is to be dequantised is no weight: then the model computes in whole numbers
 *
 * @example
 * declare const node: file.FileNode
 * const [weight] = file.dequantised(node)
 */
export const dequantised: Form = (node) => {
  const [x, scale, zero] = [requiredInput(node, 0).node, requiredInput(node, 1).node, node.inputs[2]?.node]
  if (x.kind !== 'constant' || scale.kind !== 'constant' || (zero !== undefined && zero.kind !== 'constant'))
    throw new GraphFailure(
      'only weights may be whole numbers, and this is none: export the model before it is quantised',
    )
  const before = read.get(x)
  if (before?.scale === scale && before.zero === zero) return [before.value]
  const { dims } = x.tensor
  const layout = layoutOf(node, dims, scale.tensor.dims)
  if (zero !== undefined && zero.tensor.dims.join() !== scale.tensor.dims.join())
    throw new GraphFailure('there have to be as many zero points as scales')
  const wanted = attributeOf(node, 'output_dtype', 'int') ?? 0
  const type = wanted === 0 ? scale.tensor.type : elementTypeOf(wanted)
  if (type === undefined || !isFloat(type)) throw new GraphFailure('the result has to be a float')
  const scales = toNumbers(scale.tensor)
  const zeros = zero && toNumbers(zero.tensor)
  const floats = deferred('float32', dims, () => elementsOf(x.tensor, scales, zeros, layout))
  const name = before === undefined && x.name !== undefined ? originalName(x.name) : node.label
  const value = parameter(name, inType(floats, type))
  read.set(x, { scale, zero, value })
  return [value]
}
