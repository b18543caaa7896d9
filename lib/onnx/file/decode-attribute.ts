import type { AttributeKind, Attributes, AttributeValue } from '../attribute.js'
import { elementTypeOf, showDataType } from './data-type.js'
import { decodeTensor } from './decode-tensor.js'
import { GraphFailure } from '../graph-failure.js'
import { AttributeProto_AttributeType as Type, type AttributeProto } from '../proto/onnx_pb.js'

/**
 * An integer as a number. Files say "to the end" with the largest integer of 64 bits, which as a number would be one more than that:
 * beyond what numbers hold, the largest of those says the same.
 */
const whole = (i: bigint): number =>
  Math.min(Math.max(Number(i), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)

/** How each kind of attribute is read, and as what type a file has to declare it. */
const readers: {
  readonly [K in AttributeKind]: {
    readonly type: Type
    readonly read: (proto: AttributeProto) => AttributeValue[K]
  }
} = {
  int: { type: Type.INT, read: ({ i }) => whole(i) },
  flag: { type: Type.INT, read: ({ i }) => i !== 0n },
  float: { type: Type.FLOAT, read: ({ f }) => f },
  string: { type: Type.STRING, read: ({ s }) => new TextDecoder().decode(s) },
  ints: { type: Type.INTS, read: ({ ints }) => ints.map(whole) },
  floats: { type: Type.FLOATS, read: ({ floats }) => floats },
  tensor: {
    type: Type.TENSOR,
    read: ({ t, name }) => (t === undefined ? fail(`attribute ${name} has no tensor`) : decodeTensor(t)),
  },
  type: {
    type: Type.INT,
    read: ({ i }) =>
      elementTypeOf(Number(i)) ?? fail(`element type ${showDataType(Number(i))} is not supported`),
  },
}

const fail = (message: string): never => {
  throw new GraphFailure(message)
}

/**
 * One attribute of a known kind. Files without declared types (IR version 1) are too old to read.
 *
 * @example
 * const proto = file.encodeAttribute('axis', attributes.int(-1), 1)
 * const axis = proto === undefined ? -1 : file.decodeAttribute(proto, 'int') // 1
 */
export const decodeAttribute = <K extends AttributeKind>(
  proto: AttributeProto,
  kind: K,
): AttributeValue[K] => {
  const { type, read } = readers[kind]
  if (proto.refAttrName !== '')
    fail(`attribute ${proto.name} refers to an attribute of a function, outside of one`)
  if (proto.type !== type) {
    fail(`attribute ${proto.name} is declared as ${Type[proto.type]}, not ${Type[type]}`)
  }
  return read(proto)
}

/** Attributes that change nothing in what deriva computes, and are dropped. */
const ignored: Readonly<Record<string, ReadonlyArray<string>>> = {
  Cast: ['saturate'],
  BatchNormalization: ['spatial'],
}

const isIgnored = (operator: string, name: string): boolean =>
  Object.hasOwn(ignored, operator) && ignored[operator].includes(name)

/**
 * The attributes of a node that its operator declares; any others are refused, because they would change its meaning.
 *
 * @example
 * const axis = attributes.int(-1)
 * const given = file.decodeAttributes('Softmax', { axis }, [file.encodeAttribute('axis', axis, 1) ?? []].flat()) // { axis: 1 }
 */
export const decodeAttributes = (
  operator: string,
  declared: Attributes,
  protos: ReadonlyArray<AttributeProto>,
): Readonly<Record<string, AttributeValue[AttributeKind]>> => {
  const decoded: Record<string, AttributeValue[AttributeKind]> = {}
  for (const proto of protos) {
    const attribute = Object.hasOwn(declared, proto.name) ? declared[proto.name] : undefined
    if (attribute === undefined) {
      if (isIgnored(operator, proto.name)) continue
      return fail(`attribute ${proto.name} is not known`)
    }
    const value = decodeAttribute(proto, attribute.kind)
    const { choices } = attribute
    if (choices !== undefined && typeof value === 'string' && !choices.includes(value)) {
      fail(`attribute ${proto.name} is "${value}", not one of ${choices.join(', ')}`)
    }
    decoded[proto.name] = value
  }
  for (const [name, { required }] of Object.entries(declared)) {
    if (required && !Object.hasOwn(decoded, name)) fail(`attribute ${name} is missing`)
  }
  return decoded
}
