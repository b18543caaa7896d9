import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Engine, openEngine, type Session, type SessionOptions, type Values } from '../engine/index.js'
import type { Model } from '../model/index.js'
import { draft } from '../onnx/index.js'
import type { Denoiser } from '../rollout/index.js'
import { type ErrorOf, float32, type Parameterisation, type Tensor } from '../types/index.js'

/**
 * The denoiser that a session computes with these parameters; none are needed where the file holds them as initializers.
 *
 * @param sample the shape of one latent
 * @example
 * declare const session: Session
 * const denoiser = sessionDenoiser(session, { parameterisation: 'flow_matching', sample: [1, 28, 28] }, {})
 */
export const sessionDenoiser = <P extends Parameterisation>(
  session: Session,
  { parameterisation, sample }: { readonly parameterisation: P; readonly sample: ReadonlyArray<number> },
  parameters: Values,
): Denoiser<P> => ({
  parameterisation,
  predict: (latents, timesteps, conditioning) =>
    pipe(
      session.run({
        ...parameters,
        ...conditioning,
        latents: float32([timesteps.length, ...sample], latents),
        timestep: float32([timesteps.length], timesteps),
      }),
      TE.chain(({ prediction }: Partial<Record<string, Tensor>>) =>
        prediction?.type === 'float32'
          ? TE.right(prediction.data)
          : TE.left<ErrorOf<'EngineError'>>({
              _tag: 'EngineError',
              message: `the model has to give one float32 output named "prediction"; it gives ${session.outputs.join(', ')}`,
            }),
      ),
    ),
})

/**
 * Compiles a model's forward pass once, for batches of any size, with its parameters fed at every call: training changes
 * them at every step, and rollouts need the current ones.
 *
 * @param options the engine that computes; by default one in this thread, on the CPU
 *
 * @example
 * declare const model: Model<'flow_matching'>, parameters: Parameters
 * const denoiser = pipe(modelDenoiser(model), TE.map((withParameters) => withParameters(parameters)))
 */
export const modelDenoiser = <P extends Parameterisation>(
  model: Model<P>,
  { engine = openEngine(), ...options }: SessionOptions & { readonly engine?: Engine } = {},
): TE.TaskEither<ErrorOf<'EngineError'>, (parameters: Values) => Denoiser<P>> =>
  pipe(
    engine.open(
      draft({ outputs: { prediction: model.prediction }, parameters: 'inputs', name: 'denoiser' }),
      {
        name: 'denoiser',
        ...options,
      },
    ),
    TE.map((session) => (parameters) => sessionDenoiser(session, model, parameters)),
  )
