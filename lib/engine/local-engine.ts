import * as TE from 'fp-ts/lib/TaskEither.js'
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import { compile } from './compile.js'
import type { Device } from './device.js'
import { deviceMemory } from './device-memory.js'
import { type Engine, type EngineError, engineError, keepingNothing, type KeepingSession } from './engine.js'
import type { ModelParts } from './parts.js'
import { queue } from './queue.js'
import { fromRuntime, toRuntime } from './runtime-tensor.js'
import type { Tensor } from '../types/index.js'
import type { Held, Tensors } from './value.js'

/**
 * Sessions that have left tensors on a GPU: their end, be it by the garbage collector, takes the memory of these tensors with it,
 * and freeing one afterwards ends the process. So they stay until their engine is closed.
 */
const needed = new Set<InferenceSession>()

/**
 * An engine in this thread. ONNX Runtime computes synchronously: the event loop stands still meanwhile.
 *
 * @example
 * declare const model: Uint8Array
 * const session = localEngine('cpu').open(model, { name: 'denoiser' })
 */
export const localEngine = (device: Device): Engine<Uint8Array | ModelParts> => {
  const inTurn = queue()
  const memory = deviceMemory(inTurn)
  const own = new Set<InferenceSession>()
  const fed = (value: Held): RuntimeTensor =>
    value.type === 'resident' ? memory.find(value) : toRuntime(value)
  const come = (tensor: RuntimeTensor): Held =>
    tensor.location === 'gpu-buffer' ? memory.keep(tensor) : fromRuntime(tensor)
  const attempt = <A>(doing: string, task: () => Promise<A>): TE.TaskEither<EngineError, A> =>
    TE.tryCatch(() => inTurn(task), engineError(doing))

  const openKeeping: Engine<Uint8Array | ModelParts>['openKeeping'] = (
    model,
    keeps,
    { name = 'model', ...options } = {},
  ) =>
    attempt(`compiling the ${name}`, async (): Promise<KeepingSession> => {
      const onDevice = device === 'webgpu' ? keeps : []
      const session = await compile(model, device, options, onDevice)
      const stays = new Set(keeps)
      if (onDevice.length > 0) {
        needed.add(session)
        own.add(session)
      }
      return {
        inputs: session.inputNames,
        outputs: session.outputNames,
        run: (inputs) =>
          attempt(`running the ${name}`, async () => {
            // Hundreds of names at every run: no lists between.
            const feeds: Record<string, RuntimeTensor> = {}
            for (const n of session.inputNames) if (Object.hasOwn(inputs, n)) feeds[n] = fed(inputs[n])
            const kept: Record<string, Held> = {}
            const rest: Record<string, Tensor> = {}
            for (const [n, tensor] of Object.entries(await session.run(feeds)))
              if (stays.has(n)) kept[n] = come(tensor)
              else rest[n] = fromRuntime(tensor)
            return { kept, rest }
          }),
        release: attempt(`releasing the ${name}`, () =>
          own.has(session) ? Promise.resolve() : session.release(),
        ),
      }
    })

  return {
    device,
    openKeeping,
    open: keepingNothing(openKeeping),
    read: (values) =>
      attempt('reading what the device holds', async () => {
        const tensors: Tensors[string][] = []
        for (const value of Object.values(values))
          tensors.push(value.type === 'resident' ? await memory.read(value) : value)
        return Object.fromEntries(Object.keys(values).map((name, i) => [name, tensors[i]]))
      }),
    release: (values) => () => {
      memory.release(values)
    },
    close: attempt('closing the engine', async () => {
      await memory.clear()
      for (const session of own) {
        await session.release()
        needed.delete(session)
      }
      own.clear()
    }),
  }
}
