import * as TE from 'fp-ts/lib/TaskEither.js'
import { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node'
import type { ErrorOf, Tensor } from '../types/index.js'

export type EngineError = ErrorOf<'EngineError'>

/** A compiled graph: a pure function from named tensors to named tensors. */
export interface Session {
  readonly inputs: ReadonlyArray<string>
  readonly outputs: ReadonlyArray<string>
  /**
   * Runs the graph once. Inputs are read during the call only; outputs are fresh arrays that belong to the caller.
   * ONNX Runtime computes synchronously: the event loop stands still meanwhile.
   */
  readonly run: (
    inputs: Readonly<Record<string, Tensor>>,
  ) => TE.TaskEither<EngineError, Readonly<Record<string, Tensor>>>
  /** Frees the native memory. A session is worth keeping: opening one costs more than many runs. */
  readonly release: TE.TaskEither<EngineError, void>
}

export type SessionOptions = {
  /** Threads within an operator; by default ONNX Runtime takes one a physical core. */
  readonly threads?: number
  /** A name for error messages, such as `training step`. */
  readonly name?: string
}

const engineError =
  (doing: string) =>
  (cause: unknown): EngineError => ({
    _tag: 'EngineError',
    message: `${doing}: ${cause instanceof Error ? cause.message : String(cause)}`,
  })

/** The element types that ONNX Runtime's binding takes as JavaScript arrays; bfloat16 has to be cast inside a graph. */
const toRuntime = (tensor: Tensor): RuntimeTensor => {
  if (tensor.type === 'bfloat16')
    throw new Error('bfloat16 cannot be fed directly; feed float32 and cast in the graph')
  return new RuntimeTensor(tensor.type, tensor.data, tensor.dims)
}

const fromRuntime = (tensor: RuntimeTensor): Tensor => {
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

/**
 * Compiles an encoded ONNX graph for the CPU.
 *
 * @param model the bytes of an ONNX file, as `encode` of `deriva/onnx` writes them
 * @returns Left `EngineError` when ONNX Runtime refuses the model; its message names the node at fault
 * @example
 * declare const model: Uint8Array
 * const outputs = pipe(
 *   openSession(model),
 *   TE.chain((session) => session.run({ latents: float32([1, 2], [0, 1]) })),
 * )
 */
export const openSession = (
  model: Uint8Array,
  { threads, name = 'model' }: SessionOptions = {},
): TE.TaskEither<EngineError, Session> =>
  TE.tryCatch(
    async () => {
      const session = await InferenceSession.create(model, {
        executionProviders: ['cpu'],
        // Errors reach the caller as values; warnings on a person's terminal help nobody.
        logSeverityLevel: 4,
        // By default the threads of a session go on spinning for a while after a run, in the way of the next session: on two
        // cores a training step that follows a rollout takes 110 ms instead of 75.
        extra: { session: { intra_op: { allow_spinning: '0' } } },
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      })
      return {
        inputs: session.inputNames,
        outputs: session.outputNames,
        run: (inputs) =>
          TE.tryCatch(
            async () => {
              const feeds = Object.fromEntries(
                session.inputNames.flatMap((n) =>
                  Object.hasOwn(inputs, n) ? [[n, toRuntime(inputs[n])]] : [],
                ),
              )
              const fetched = await session.run(feeds)
              return Object.fromEntries(
                Object.entries(fetched).map(([n, tensor]) => [n, fromRuntime(tensor)]),
              )
            },
            engineError(`running the ${name}`),
          ),
        release: TE.tryCatch(() => session.release(), engineError(`releasing the ${name}`)),
      } satisfies Session
    },
    engineError(`compiling the ${name}`),
  )
