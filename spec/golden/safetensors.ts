import type { Tensor } from '../../lib/types/index.js'

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/**
 * Reads a safetensors file: an 8-byte little-endian header length, a JSON header, raw little-endian data.
 * Every tensor's data is copied, so it is aligned and owns its buffer.
 */
export const safetensors = (bytes: Uint8Array): ReadonlyMap<string, Tensor> => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const start = 8 + Number(view.getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start))) as Header
  return new Map(
    Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [from, to],
          },
        ]) => [name, tensor(dtype, shape, bytes.slice(start + from, start + to).buffer)],
      ),
  )
}

const tensor = (dtype: string, dims: number[], buffer: ArrayBuffer): Tensor => {
  switch (dtype) {
    case 'F32':
      return { type: 'float32', dims, data: new Float32Array(buffer) }
    case 'F64':
      return { type: 'float64', dims, data: new Float64Array(buffer) }
    case 'I64':
      return { type: 'int64', dims, data: new BigInt64Array(buffer) }
    case 'I32':
      return { type: 'int32', dims, data: new Int32Array(buffer) }
    case 'BOOL':
      return { type: 'bool', dims, data: new Uint8Array(buffer) }
    default:
      throw new Error(`safetensors dtype ${dtype} is not read here`)
  }
}
