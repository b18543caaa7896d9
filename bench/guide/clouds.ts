import * as TE from 'fp-ts/lib/TaskEither.js'
import { mixture } from 'deriva/data'
import { flow } from 'deriva/path'
import type { Denoiser } from 'deriva/rollout'

/** Four clouds of points in the plane. */
export const classes = 4
const [deviation, radius] = [0.08, 0.7]
export const data = mixture({ classes, deviation })
export const path = flow()

/**
 * The best prediction there can be: the mean of all ε − x0 that x_t may have come from, for equal Gaussians on a circle. What it drifts is
 * what x_t does not know.
 */
export const perfect: Denoiser<'flow_matching'> = {
  parameterisation: 'flow_matching',
  predict: (latents, timesteps) =>
    TE.right(
      Float32Array.from(latents, (_, e) => {
        const i = Math.floor(e / 2)
        const [x, y] = latents.subarray(2 * i, 2 * i + 2)
        const { alpha, sigma } = path.at(timesteps[i])
        const spread = (alpha * deviation) ** 2 + sigma ** 2
        const clouds = Array.from({ length: classes }, (_, k) => {
          const angle = (2 * Math.PI * k) / classes
          const centre = [radius * Math.cos(angle), radius * Math.sin(angle)]
          const away = [x - alpha * centre[0], y - alpha * centre[1]]
          const data = centre[e % 2] + ((alpha * deviation ** 2) / spread) * away[e % 2]
          const noise = (sigma / spread) * away[e % 2]
          return { log: -(away[0] ** 2 + away[1] ** 2) / (2 * spread), velocity: noise - data }
        })
        const most = Math.max(...clouds.map(({ log }) => log))
        const weights = clouds.map(({ log }) => Math.exp(log - most))
        const total = weights.reduce((a, b) => a + b, 0)
        return clouds.reduce((sum, { velocity }, k) => sum + (weights[k] / total) * velocity, 0)
      }),
    ),
}
