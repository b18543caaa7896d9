import { map } from 'rxjs'
import { type JumpInput, jumpInputs } from '../loss/index.js'
import { uniform } from '../random/index.js'
import { float32 } from '../types/index.js'
import type { Noised } from './noised.js'
import { type Pipeline, stage } from './pipeline.js'

/**
 * Draws for every sample the cleaner time that `defar` jumps to, sigma1 = sigma0·(1 − u) with u uniform on [0, 1): in DEFAR's data-ward
 * time t1 = t0 + (1 − t0)·u. The jump itself is made by the loss, in the training graph. Changes no latents, no target and no other draw.
 *
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching', JumpInput>
 * const pipeline = pipe(dataset(source), noised(flow()), jumped(), descend(compiled))
 */
export const jumped = (): (<P extends 'flow_matching', G extends string, D extends boolean>(
  upstream: Pipeline<P, Noised<G, D>>,
) => Pipeline<P, Noised<G | JumpInput, D>>) =>
  stage(({ seed, state: { step } }) =>
    map((batch) => {
      const points = Array.from(batch.ids, (sample, i) =>
        batch.path.at(batch.timesteps[i] * (1 - uniform({ seed, purpose: 'jump', step, sample }))),
      )
      const column = (of: (point: (typeof points)[number]) => number) =>
        float32([points.length], points.map(of))
      return {
        ...batch,
        given: {
          ...batch.given,
          [jumpInputs.timestep]: column(({ timestep }) => timestep),
          [jumpInputs.sigma]: column(({ sigma }) => sigma),
          [jumpInputs.noise]: float32([points.length, ...batch.shape], batch.noise),
        },
      }
    }),
  )
