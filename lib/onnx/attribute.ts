import type { ElementType, Tensor } from '../types/index.js'

/** What an attribute holds, by kind. ONNX stores `flag` as an int of 0 or 1 and `type` as an int of TensorProto.DataType. */
export type AttributeValue = {
  readonly int: number
  readonly flag: boolean
  readonly float: number
  readonly string: string
  readonly ints: ReadonlyArray<number>
  readonly floats: ReadonlyArray<number>
  readonly tensor: Tensor
  readonly type: ElementType
}

export type AttributeKind = keyof AttributeValue

/**
 * One attribute of an operator: its kind, and the value it has where none is given. `T` is what readers of a node see: the
 * default is filled in, so it is never absent. An empty `ints` default stands for "what ONNX derives from the shapes"; the
 * operator's own normalisation replaces it by the full list.
 */
export type Attribute<
  T extends AttributeValue[AttributeKind] = AttributeValue[AttributeKind],
  R extends boolean = boolean,
> = {
  readonly kind: AttributeKind
  readonly required: R
  readonly fallback: T | undefined
  /** The only values a string may take. */
  readonly choices?: ReadonlyArray<string>
}

export type Attributes = Readonly<Record<string, Attribute>>

/** The attributes of a node: every one present. */
export type Resolved<A extends Attributes> = {
  readonly [K in keyof A]: A[K] extends Attribute<infer T> ? T : never
}

type RequiredKeys<A extends Attributes> = {
  [K in keyof A]: A[K] extends Attribute<AttributeValue[AttributeKind], true> ? K : never
}[keyof A]

/** The attributes a caller gives: those without a default, and any others. */
export type Given<A extends Attributes> = Pick<Resolved<A>, RequiredKeys<A>> & {
  readonly [K in Exclude<keyof A, RequiredKeys<A>>]?: Resolved<A>[K] | undefined
}

const optional = <T extends AttributeValue[AttributeKind]>(
  kind: AttributeKind,
  fallback: T,
): Attribute<T, false> => ({ kind, required: false, fallback })

const required = <T extends AttributeValue[AttributeKind]>(kind: AttributeKind): Attribute<T, true> => ({
  kind,
  required: true,
  fallback: undefined,
})

/**
 * A whole number.
 *
 * @example
 * const group = attributes.int(1)
 */
export const int = (fallback: number): Attribute<number, false> => optional('int', fallback)
export const requiredInt: Attribute<number, true> = required('int')
/**
 * Yes or no.
 *
 * @example
 * const keepDims = attributes.flag(true)
 */
export const flag = (fallback: boolean): Attribute<boolean, false> => optional('flag', fallback)
/**
 * A number, in float32.
 *
 * @example
 * const epsilon = attributes.float(1e-5)
 */
export const float = (fallback: number): Attribute<number, false> => optional('float', fallback)
export const ints: Attribute<ReadonlyArray<number>, false> = optional<ReadonlyArray<number>>('ints', [])
export const requiredString: Attribute<string, true> = required('string')
export const requiredType: Attribute<ElementType, true> = required('type')
/**
 * A tensor.
 *
 * @example
 * const value = attributes.tensor(float32([1], [0]))
 */
export const tensor = (fallback: Tensor): Attribute<Tensor, false> => optional('tensor', fallback)

/**
 * A string out of a list; the first is the default.
 *
 * @example
 * const mode = attributes.choice(['constant', 'reflect', 'edge'])
 */
export const choice = <const C extends readonly [string, ...string[]]>(
  choices: C,
): Attribute<C[number], false> => ({
  kind: 'string',
  required: false,
  fallback: choices[0],
  choices,
})
