import { create } from '@bufbuild/protobuf'
import type { Tensor } from '../../types/index.js'
import type { Attribute, AttributeKind, AttributeValue } from '../attribute.js'
import { dataTypes } from './data-type.js'
import { bytesOf, encodeTensor } from './encode-tensor.js'
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Type,
  type AttributeProto,
} from '../proto/onnx_pb.js'

/** How each kind of attribute is written, and a string that is equal for equal values. */
const writers: {
  readonly [K in AttributeKind]: {
    readonly fields: (value: AttributeValue[K]) => Partial<Omit<AttributeProto, '$typeName' | '$unknown'>>
    readonly key: (value: AttributeValue[K]) => string
  }
} = {
  int: { fields: (i) => ({ type: Type.INT, i: BigInt(i) }), key: String },
  flag: { fields: (on) => ({ type: Type.INT, i: on ? 1n : 0n }), key: String },
  float: { fields: (f) => ({ type: Type.FLOAT, f }), key: String },
  string: { fields: (s) => ({ type: Type.STRING, s: new TextEncoder().encode(s) }), key: (s) => s },
  ints: { fields: (ints) => ({ type: Type.INTS, ints: ints.map(BigInt) }), key: (ints) => ints.join() },
  floats: {
    fields: (floats) => ({ type: Type.FLOATS, floats: [...floats] }),
    key: (floats) => floats.join(),
  },
  tensor: { fields: (t) => ({ type: Type.TENSOR, t: encodeTensor(t) }), key: (t) => tensorKey(t) },
  type: { fields: (type) => ({ type: Type.INT, i: BigInt(dataTypes[type]) }), key: (type) => type },
}

/**
 * Equal for tensors of equal type, dimensions and bits.
 *
 * @example
 * const equal = file.tensorKey(float32([1], [1])) === file.tensorKey(float32([1], [1])) // true
 */
export const tensorKey = (tensor: Tensor): string =>
  `${tensor.type}[${tensor.dims.join()}]${String.fromCharCode(...bytesOf(tensor))}`

type Entry = { readonly [K in AttributeKind]: readonly [kind: K, value: AttributeValue[K]] }[AttributeKind]

// An attribute's value is of its kind because the node was made by the same row of the operator table.
const entry = (attribute: Attribute, value: unknown): Entry => [attribute.kind, value] as Entry

const fieldsOf = <K extends AttributeKind>([kind, value]: readonly [K, AttributeValue[K]]) =>
  writers[kind].fields(value)

const keyOf = <K extends AttributeKind>([kind, value]: readonly [K, AttributeValue[K]]): string =>
  writers[kind].key(value)

/**
 * The attribute as ONNX writes it, undefined where it has its default.
 *
 * @example
 * const proto = file.encodeAttribute('axis', attributes.int(-1), 1)
 */
export const encodeAttribute = (
  name: string,
  attribute: Attribute,
  value: unknown,
): AttributeProto | undefined =>
  isDefault(attribute, value)
    ? undefined
    : create(AttributeProtoSchema, { name, ...fieldsOf(entry(attribute, value)) })

/**
 * A string that is equal for equal values of one attribute.
 *
 * @example
 * const key = file.attributeKey(attributes.ints, [1, 2]) // '1,2'
 */
export const attributeKey = (attribute: Attribute, value: unknown): string => keyOf(entry(attribute, value))

const isDefault = (attribute: Attribute, value: unknown): boolean => {
  if (attribute.fallback === undefined) return false
  const [mine, standard] = [entry(attribute, value), entry(attribute, attribute.fallback)]
  return (
    keyOf(mine) === keyOf(standard) ||
    (attribute.kind === 'float' && value === Math.fround(Number(attribute.fallback)))
  )
}
