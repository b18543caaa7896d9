import type { Tensor as RuntimeTensor } from 'onnxruntime-node'
import { type InferenceSession } from 'onnxruntime-node'
import { encode, identity, input } from '../onnx/index.js'
import type { ElementType, Tensor } from '../types/index.js'
import { compile } from './compile.js'
import { registry } from './registry.js'
import { fromRuntime } from './runtime-tensor.js'
import type { Resident, Values } from './value.js'

/** Tensors in the buffers of a GPU, by the residents that stand for them. Its tasks have to be done one after the other. */
export type DeviceMemory = {
  readonly keep: (tensor: RuntimeTensor) => Resident
  /** @throws Error where it has been released, or is held by another engine */
  readonly find: (resident: Resident) => RuntimeTensor
  readonly read: (resident: Resident) => Promise<Tensor>
  readonly release: (values: Values) => void
  readonly clear: () => Promise<void>
}

const elements = ['float32', 'float16', 'int64', 'int32', 'bool', 'uint8'] as const
const elementOf = (type: RuntimeTensor.Type): ElementType => {
  const element = elements.find((name) => name === type)
  if (element === undefined) throw new Error(`an output of type ${type} cannot be kept`)
  return element
}

/**
 * The memory of a WebGPU device.
 *
 * @param inTurn does what it is given after everything that the engine has been asked before
 * @example
 * const memory = deviceMemory(queue())
 */
export const deviceMemory = (inTurn: (task: () => Promise<void>) => Promise<void>): DeviceMemory => {
  const held = new Map<number, RuntimeTensor>()
  let lastId = 0
  const residents = registry((ids) => {
    // A run that reads them may be waiting for its turn.
    void inTurn(() => {
      for (const id of ids) {
        held.get(id)?.dispose()
        held.delete(id)
      }
      return Promise.resolve()
    })
  })
  // The binding has no download: a graph that does nothing, with its output in this memory, is the way back.
  const readers = new Map<string, Promise<InferenceSession>>()
  const readerOf = (element: ElementType, rank: number): Promise<InferenceSession> => {
    const key = `${element}/${rank}`
    const reader =
      readers.get(key) ??
      compile(
        encode({
          outputs: {
            out: identity(
              input(
                'in',
                element,
                Array.from({ length: rank }, (_, i) => `d${i}`),
              ),
            ),
          },
          parameters: 'inputs',
          name: 'reader',
        }),
        'webgpu',
      )
    readers.set(key, reader)
    return reader
  }
  const find = (resident: Resident): RuntimeTensor => {
    const tensor = held.get(residents.idOf(resident))
    if (tensor === undefined) throw new Error('the engine that held a tensor has been closed')
    return tensor
  }
  return {
    keep: (tensor) => {
      const id = ++lastId
      held.set(id, tensor)
      return residents.add(id, elementOf(tensor.type), tensor.dims)
    },
    find,
    read: async (resident) => {
      const tensor = find(resident)
      const reader = await readerOf(resident.element, resident.dims.length)
      const { out } = await reader.run({ in: tensor })
      return fromRuntime(out)
    },
    release: residents.release,
    clear: async () => {
      for (const tensor of held.values()) tensor.dispose()
      held.clear()
      for (const reader of readers.values()) await (await reader).release()
      readers.clear()
    },
  }
}
