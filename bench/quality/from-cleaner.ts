import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { uniform } from 'deriva/random'
import { noisedLatents } from 'deriva/rollout'
import { type Noised, type Pipeline, stageTask } from 'deriva/stream'

/**
 * A rollout the wrong way round: data noised to up to `span` timesteps *less* than a sample's own goes up to its time by the model's own
 * velocity there. What it makes holds at least what x_t does about the data, where a rollout from the noisier side holds less.
 */
export const fromCleaner =
  (span: number, probability: (step: number) => number) =>
  <P extends 'flow_matching', G extends string>(
    upstream: Pipeline<P, Noised<G>>,
  ): Pipeline<P, Noised<G, true>> =>
    pipe(
      upstream,
      stageTask(({ denoiser, seed, state: { step } }) => (batch: Noised<G>) => {
        const { ids, path, x0, noise, timesteps, conditioning, latents } = batch
        const share = probability(step)
        const sources = timesteps.map((t, i) => {
          const key = { seed, purpose: 'rollout', step, sample: ids[i] } as const
          return uniform(key, 0) < share ? Math.max(0, t - span * uniform(key, 1)) : t
        })
        const starts = noisedLatents(path, x0, noise, sources)
        const elements = latents.length / ids.length
        const rolled = Float32Array.from(ids, (_, i) => (sources[i] < timesteps[i] ? 1 : 0))
        return pipe(
          denoiser.predict(starts, sources, conditioning),
          TE.map((velocities) => ({
            ...batch,
            drifted: true as const,
            latents: latents.map((x, e) => {
              const i = Math.floor(e / elements)
              const way = path.at(timesteps[i]).sigma - path.at(sources[i]).sigma
              return rolled[i] === 0 ? x : starts[e] + way * velocities[e]
            }),
            rollout: { ...batch.rollout, rolled, probability: share, evaluations: ids.length },
          })),
        )
      }),
    )
