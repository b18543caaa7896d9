import { Tensor as RuntimeTensor } from 'onnxruntime-node'
import type { Tensor } from '../types/index.js'

/** By their data, so that weights which are fed to many runs are wrapped once: rollouts feed the same hundreds of them ten times a step. */
const wrapped = new WeakMap<object, RuntimeTensor>()

const alike = (a: RuntimeTensor, b: Tensor): boolean =>
  a.type === b.type && a.dims.length === b.dims.length && a.dims.every((dim, axis) => dim === b.dims[axis])

/**
 * A tensor as ONNX Runtime's binding takes it, over the same data. The binding takes the element types that are JavaScript arrays;
 * bfloat16 has to be cast inside a graph.
 *
 * @throws Error for bfloat16
 * @example
 * const scalar = toRuntime(float32([], [1]))
 */
export const toRuntime = (tensor: Tensor): RuntimeTensor => {
  if (tensor.type === 'bfloat16')
    throw new Error('bfloat16 cannot be fed directly; feed float32 and cast in the graph')
  const { data } = tensor
  const before = wrapped.get(data)
  if (before !== undefined && alike(before, tensor)) return before
  const made = new RuntimeTensor(tensor.type, data, tensor.dims)
  wrapped.set(data, made)
  return made
}

/**
 * A tensor in this thread's memory as plain data, not copied.
 *
 * @throws Error for element types that have no array
 * @example
 * const same = fromRuntime(toRuntime(float32([], [1])))
 */
export const fromRuntime = (tensor: RuntimeTensor): Tensor => {
  const { dims, data } = tensor
  switch (tensor.type) {
    case 'float32':
      if (data instanceof Float32Array) return { type: 'float32', dims, data }
      break
    case 'float64':
      if (data instanceof Float64Array) return { type: 'float64', dims, data }
      break
    case 'int64':
      if (data instanceof BigInt64Array) return { type: 'int64', dims, data }
      break
    case 'int32':
      if (data instanceof Int32Array) return { type: 'int32', dims, data }
      break
    case 'bool':
      if (data instanceof Uint8Array) return { type: 'bool', dims, data }
      break
    case 'uint8':
      if (data instanceof Uint8Array) return { type: 'uint8', dims, data }
      break
    case 'float16':
      if (data instanceof Uint16Array) return { type: 'float16', dims, data }
      break
  }
  throw new Error(`an output of type ${tensor.type} cannot be read; cast it in the graph`)
}
