import { InferenceSession } from 'onnxruntime-node'
import type { Device } from './device.js'
import type { SessionOptions } from './engine.js'
import type { ModelParts } from './parts.js'
import { suited } from './suited.js'
import { weightLimits } from './weight-limits.js'

/** How ONNX Runtime is asked for each device. Operators that a device lacks fall to the CPU, which it adds by itself. */
const providers: {
  readonly [D in Device]: NonNullable<InferenceSession.SessionOptions['executionProviders']>
} = {
  cpu: ['cpu'],
  cuda: [{ name: 'cuda', deviceId: 0 }],
  webgpu: ['webgpu'],
}

const isBare = (stored: ModelParts['stored']): boolean => (stored?.bytes ?? 0) > weightLimits.bare

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
  whole: Uint8Array | ModelParts,
  device: Device,
  { threads }: Pick<SessionOptions, 'threads'> = {},
  onDevice: ReadonlyArray<string> = [],
): Promise<InferenceSession> => {
  const { model, beside, stored } = await suited(
    whole instanceof Uint8Array ? { model: whole, beside: {} } : whole,
    device,
  )
  const external = Object.entries(beside).map(([path, data]) => ({ path, data }))
  return InferenceSession.create(model, {
    executionProviders: providers[device],
    // Errors reach the caller as values; warnings on a person's terminal help nobody.
    logSeverityLevel: 4,
    // Its plan for all of a run's memory is one more block beside those of the first run: a UNet's training step takes 1.7 GB instead of
    // 1.2, at the same speed; the smallest models gain 2 % of time by it.
    ...(device === 'cpu' ? { enableMemPattern: false } : {}),
    ...(external.length === 0 ? {} : { externalData: external }),
    extra: {
      session: {
        // By default the threads of a session go on spinning for a while after a run, in the way of the next session: on two
        // cores a training step that follows a rollout takes 110 ms instead of 75.
        intra_op: { allow_spinning: '0' },
        ...(stored === undefined ? {} : { model_external_initializers_file_folder_path: stored.root }),
        ...(isBare(stored) ? { disable_prepacking: '1' } : {}),
      },
      ...(isBare(stored) ? { optimization: { disable_specified_optimizers: 'ConstantFolding' } } : {}),
    },
    ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    ...(onDevice.length === 0
      ? {}
      : { preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, 'gpu-buffer'])) }),
  })
}
