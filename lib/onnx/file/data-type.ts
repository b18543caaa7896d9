import type { ElementType } from '../../types/index.js'
import { isFloat } from '../element.js'
import { TensorProto_DataType as DataType } from '../proto/onnx_pb.js'

/** Element types and their numbers in ONNX files. */

export const dataTypes: { readonly [E in ElementType]: DataType } = {
  float32: DataType.FLOAT,
  float64: DataType.DOUBLE,
  float16: DataType.FLOAT16,
  bfloat16: DataType.BFLOAT16,
  int64: DataType.INT64,
  uint64: DataType.UINT64,
  int32: DataType.INT32,
  uint32: DataType.UINT32,
  int16: DataType.INT16,
  uint16: DataType.UINT16,
  int8: DataType.INT8,
  uint8: DataType.UINT8,
  bool: DataType.BOOL,
}

const byNumber = new Map<number, ElementType>(
  Object.entries(dataTypes).map(([type, number]) => [number, type as ElementType]),
)

/**
 * The element type of a number in a file, undefined for those deriva has no tensors of (strings, complex numbers, 4 and 8 bit floats).
 *
 * @example
 * const type = file.elementTypeOf(1) // 'float32'
 */
export const elementTypeOf = (dataType: number): ElementType | undefined => byNumber.get(dataType)

/**
 * Whether tensors of an ONNX data type hold floats of a type that we have.
 *
 * @example
 * const answer = file.holdsFloats(1) // true: FLOAT
 */
export const holdsFloats = (dataType: number): boolean => {
  const type = elementTypeOf(dataType)
  return type !== undefined && isFloat(type)
}

/**
 * How a number in a file reads in messages.
 *
 * @example
 * const text = file.showDataType(8) // 'STRING'
 */
export const showDataType = (dataType: number): string => DataType[dataType] ?? `data type ${dataType}`
