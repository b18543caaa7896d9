import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Loss, type TailInput, tailInputs, throughRollout } from '../loss/index.js'
import type { PathFor } from '../path/index.js'
import { normal } from '../random/index.js'
import { correctionAt, plan, rolloutExcept, tailShape, unrolledFeeds } from '../rollout/index.js'
import type { Solver, UnrolledShape } from '../solver/index.js'
import { float32, type Parameterisation } from '../types/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stageTask } from './pipeline.js'
import { rolledOut, type RolloutOptions } from './rollout.js'

/** The steps that gradients flow through are the model's own, without guidance. */
export type UnguidedOptions = RolloutOptions & { readonly guidance?: 1 }

/** The two halves of a rollout through which gradients flow: a stage, and what becomes of the loss. */
export type Backpropagated<P extends Parameterisation> = {
  /** Rolls out, all but the last steps. Nothing but `descend` may follow that looks at latents. */
  readonly rollout: <Q extends P, G extends string>(
    upstream: Pipeline<Q, Noised<G>>,
  ) => Pipeline<Q, Noised<G | TailInput, 'underway'>>
  /** Takes the last steps in the training graph, and the loss where they end. */
  readonly loss: <Q extends P, N extends string = never>(loss: Loss<Q, N>) => Loss<Q, N | TailInput>
  /** What every sample of a batch pays, rolled out or not: evaluations in the training graph, forward and backward. */
  readonly shape: UnrolledShape
}

/**
 * Scheduled sampling with gradient through the solver: the last `backprop` steps of every rollout are made in the training graph, with
 * coefficients as inputs, so that the weights learn what their own steps do to the latents they are trained on. The steps before
 * them are packed as ever and carry no gradient. Latents are those of `rollout`, to rounding.
 *
 * @param path one like that of `noised`: it says how much room the graph needs; rollouts follow the path of the batch
 * @param backprop how many of the last solver steps gradients flow through, at least 1; 0 is `rollout` itself
 * @example
 * declare const source: Source, model: Model<'flow_matching'>
 * const plan = { maxStepOffset: 4, stride: 25, probability: () => 0.5, backprop: 1 }
 * const through = backpropagated('flow_matching', flow(), euler(), plan)
 * const compiled = trainer({ model, loss: through.loss(mse), optimizer: adamw({ learningRate: () => 1e-3 }), batchSize: 64 })
 * const pipeline = pipe(dataset(source), noised(flow()), through.rollout)
 */
export const backpropagated = <P extends Parameterisation>(
  parameterisation: P,
  path: PathFor<P>,
  solver: Solver,
  options: UnguidedOptions & { readonly backprop: number },
): Backpropagated<P> => {
  const shape = tailShape(solver, path, parameterisation, options, options.backprop)
  return {
    shape,
    loss: throughRollout(shape),
    rollout: stageTask(({ denoiser, seed, state: { step } }) => (batch) => {
      const started = performance.now()
      const { ids, path: way, timesteps, x0, noise, conditioning } = batch
      const count = ids.length
      const spans = plan(options, { seed, step }, ids, timesteps, way)
      const draw = (i: number, evaluation: number, out: Float32Array): void => {
        normal({ seed, purpose: 'solver', step, sample: ids[i] }, out, 0, out.length, evaluation)
      }
      return pipe(
        rolloutExcept(way, solver, options.backprop)(denoiser, { x0, noise, spans, conditioning }, draw),
        TE.map(({ registers, tails, made, evaluations }) => {
          const elements = x0.length / Math.max(1, count)
          const state = new Float32Array(count * shape.registers * elements)
          registers.forEach((plane, r) => {
            for (let i = 0; i < count; i++)
              state.set(
                plane.subarray(i * elements, (i + 1) * elements),
                (i * shape.registers + r) * elements,
              )
          })
          const fresh = new Float32Array(count * shape.evaluations * elements)
          tails.forEach((tail, i) => {
            for (let j = 0; tail.noise && j < tail.evaluations.length; j++) {
              const at = (i * shape.evaluations + j) * elements
              draw(i, made[i] + j, fresh.subarray(at, at + elements))
            }
          })
          const correction = Array.from(timesteps, (timestep) =>
            options.target === 'corrected' ? correctionAt(parameterisation, way.at(timestep), options) : 0,
          )
          const feeds = unrolledFeeds(tails, shape)
          return {
            ...batch,
            drifted: 'underway' as const,
            latents: registers[0],
            given: {
              ...batch.given,
              [tailInputs.state]: float32([count, shape.registers, elements], state),
              [tailInputs.timesteps]: feeds.timesteps,
              [tailInputs.mixes]: feeds.mixes,
              [tailInputs.noise]: float32([count, shape.evaluations, ...batch.shape], fresh),
              [tailInputs.ideal]: float32([count, ...batch.shape], batch.ideal),
              [tailInputs.correction]: float32([count], correction),
            },
            rollout: rolledOut(spans, options, step, evaluations, started),
          }
        }),
      )
    }),
  }
}
