import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, toArray } from 'rxjs'
import { frechet, relativeDrift, relativeSharpness, sharpness, slicedWasserstein } from 'deriva/measure'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { type Denoiser, noisedLatents, sample } from 'deriva/rollout'
import { euler, program, trailing } from 'deriva/solver'
import { trajectory } from 'deriva/stream'
import { type DerivaError, int64, takeRows } from 'deriva/types'
import type { Classifier } from './classifier.js'
import { type Images, pixels, side, some } from './images.js'
import type { Assessment, Distance } from './result.js'

/** How far images are from those that a comparison was made for. */
export type Comparison = (images: Images) => TE.TaskEither<DerivaError, Distance>

/** A comparison with real images, of which everything is computed once. */
export const comparison = (classifier: Classifier, real: Images): TE.TaskEither<DerivaError, Comparison> =>
  pipe(
    TE.Do,
    TE.bind('theirs', () => classifier(real)),
    TE.bind('seen', () => TE.fromTask(sharpness(real.data, [side, side]))),
    TE.map(
      ({ theirs, seen }): Comparison =>
        (images) =>
          pipe(
            TE.Do,
            TE.bind('found', () => classifier(images)),
            TE.bind('sharp', () => TE.fromTask(sharpness(images.data, [side, side]))),
            TE.map(({ found: { features, accuracy }, sharp }) => ({
              frechet: frechet(
                { points: features, count: images.count },
                { points: theirs.features, count: real.count },
              ),
              sliced: slicedWasserstein(
                { points: images.data, count: images.count },
                { points: real.data, count: real.count },
                { directions: 64, seed: 1 },
              ),
              ...relativeSharpness(sharp, seen),
              accuracy,
            })),
          ),
    ),
  )

/** A denoiser that is asked for at most so many predictions at a time: what fits into the processor's caches is faster. */
const inParts = (denoiser: Denoiser<'flow_matching'>, atOnce = 100): Denoiser<'flow_matching'> => ({
  ...denoiser,
  predict: (latents, timesteps, conditioning) => async () => {
    const out = new Float32Array(latents.length)
    const elements = latents.length / timesteps.length
    for (let from = 0; from < timesteps.length; from += atOnce) {
      const rows = Array.from({ length: Math.min(atOnce, timesteps.length - from) }, (_, i) => from + i)
      const part = await denoiser.predict(
        latents.subarray(from * elements, (from + rows.length) * elements),
        timesteps.subarray(from, from + rows.length),
        Object.fromEntries(
          Object.entries(conditioning).map(([name, tensor]) => [name, takeRows(tensor, rows)]),
        ),
      )()
      if (E.isLeft(part)) return part
      out.set(part.right, from * elements)
    }
    return E.right(out)
  },
})

const path = flow()

/** Where trajectories from sigma are, in so many steps, at every point of the grid, against where they should be. */
const drifts = (
  denoiser: Denoiser<'flow_matching'>,
  { data, labels, count }: Images,
  from: number,
  steps: number,
): TE.TaskEither<DerivaError, Assessment['drift']> => {
  const noise = new Float32Array(data.length)
  for (let i = 0; i < count; i++)
    normal({ seed: 3, purpose: 'noise', step: 0, sample: i }, noise, i * pixels, pixels)
  const at = (sigma: number): Float32Array =>
    noisedLatents(path, data, noise, new Array<number>(count).fill(1000 * sigma))
  const grid = trailing(path, steps).map(({ timestep }) => path.at(timestep * from))
  const one = program(euler(), path, denoiser.parameterisation, grid)
  const departing = { latents: at(from), count, conditioning: { label: int64([count], labels) } }
  return pipe(
    TE.tryCatch(
      () =>
        lastValueFrom(
          trajectory(denoiser, new Array<typeof one>(count).fill(one), departing).pipe(toArray()),
        ),
      // A trajectory fails with the library's own errors.
      (failure) => failure as DerivaError,
    ),
    TE.map((snapshots) =>
      snapshots.map(({ latents }, i) => ({
        sigma: grid[i].sigma,
        drift: relativeDrift(latents, at(grid[i].sigma), count).reduce((a, b) => a + b, 0) / count,
      })),
    ),
  )
}

/**
 * Samples a model `count` times and compares what it makes with held-out images; labels are those of the first of these.
 * Every model starts from the same noise.
 */
export const assessed =
  (compared: Comparison, real: Images, solverSteps: ReadonlyArray<number>, count: number) =>
  (given: Denoiser<'flow_matching'>): TE.TaskEither<DerivaError, Assessment> => {
    const denoiser = inParts(given)
    const { labels } = some(real, 0, count)
    const held = some(real, 0, Math.min(250, count))
    const sampled = (steps: number): TE.TaskEither<DerivaError, readonly [string, Distance]> =>
      pipe(
        sample(denoiser, {
          path,
          solver: euler(),
          grid: trailing(path, steps),
          count,
          elements: pixels,
          conditioning: { label: int64([count], labels) },
          seed: 5,
        }),
        TE.chainW(({ latents }) => compared({ data: latents, labels, count })),
        TE.map((found) => [String(steps), found] as const),
      )
    return pipe(
      TE.Do,
      TE.apS('distances', TE.traverseSeqArray(sampled)(solverSteps)),
      TE.bindW('drift', () => drifts(denoiser, held, 1, 20)),
      TE.bindW('back', () => drifts(denoiser, held, 0.5, 10)),
      TE.map(({ distances, drift, back }) => ({
        distances: Object.fromEntries(distances),
        drift,
        returnError: back[back.length - 1].drift,
      })),
    )
  }
