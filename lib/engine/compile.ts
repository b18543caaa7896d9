import { InferenceSession } from 'onnxruntime-node'
import type { Device } from './device.js'
import type { SessionOptions } from './engine.js'
import { suited } from './suited.js'

/** How ONNX Runtime is asked for each device. Operators that a device lacks fall to the CPU, which it adds by itself. */
const providers: {
  readonly [D in Device]: NonNullable<InferenceSession.SessionOptions['executionProviders']>
} = {
  cpu: ['cpu'],
  cuda: [{ name: 'cuda', deviceId: 0 }],
  webgpu: ['webgpu'],
}

/**
 * An ONNX Runtime session.
 *
 * @param onDevice outputs that are left in the device's memory
 * @throws (rejects) where ONNX Runtime refuses the model or has not got the device
 * @example
 * declare const model: Uint8Array
 * const session: Promise<{ readonly inputNames: ReadonlyArray<string> }> = compile(model, 'cpu')
 */
export const compile = async (
  model: Uint8Array,
  device: Device,
  { threads }: Pick<SessionOptions, 'threads'> = {},
  onDevice: ReadonlyArray<string> = [],
): Promise<InferenceSession> =>
  InferenceSession.create(await suited(model, device), {
    executionProviders: providers[device],
    // Errors reach the caller as values; warnings on a person's terminal help nobody.
    logSeverityLevel: 4,
    // By default the threads of a session go on spinning for a while after a run, in the way of the next session: on two
    // cores a training step that follows a rollout takes 110 ms instead of 75.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(onDevice.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer'])) }),
  })
