import { GraphFailure } from '../graph-failure.js'
import { evaluateDim, type Dim } from '../dim.js'
import type { ValueInfoProto } from '../proto/onnx_pb.js'
import { input, type Value } from '../value.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { decodeDims } from './decode-tensor.js'

/**
 * An input of a file: name, element type and shape as declared. An axis without a length or a symbol is named after the input,
 * `x_0`, so that it can be bound as well.
 *
 * @param dims numbers for symbols
 * @throws GraphFailure where it is no tensor of one of our element types, or declares no shape
 *
 * @example
 * const x = file.decodeInput(file.encodeValueInfo('x', { type: 'float32', shape: ['batch', 4] }), { batch: 2 })
 */
export const decodeInput = (info: ValueInfoProto, dims: Readonly<Record<string, number>>): Value => {
  const { name } = info
  const type = info.type?.value
  if (type?.case !== 'tensorType') throw new GraphFailure(`input "${name}" is not a tensor`, name)
  const { elemType, shape } = type.value
  const element = elementTypeOf(elemType)
  if (element === undefined)
    throw new GraphFailure(`input "${name}" is ${showDataType(elemType)}, which is not supported`, name)
  if (shape === undefined) throw new GraphFailure(`input "${name}" declares no shape`, name)
  const declared = shape.dim.map(({ value }, axis): Dim => {
    if (value.case === 'dimParam' && value.value !== '') return value.value
    if (value.case !== 'dimValue') return `${name}_${axis}`
    return decodeDims([value.value], name)[0] ?? 0
  })
  return input(
    name,
    element,
    declared.map((dim) => evaluateDim(dim, dims)),
  )
}
