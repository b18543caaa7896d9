import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Course, noiseOf, walk } from '../measure/index.js'
import type { Path } from '../path/index.js'
import { type DrawnStrip, encodePng, sampleGrid, startWords } from '../report/index.js'
import type { Denoiser } from '../rollout/index.js'
import { type Batch, type ErrorOf, type Parameterisation, size } from '../types/index.js'

/** Pictures in a row. */
const most = 11

/** At most `count` places of 0 … length − 1, evenly, the first and the last among them. */
const spread = (length: number, count: number): ReadonlySet<number> =>
  new Set(
    length <= count
      ? Array.from({ length }, (_, i) => i)
      : Array.from({ length: count }, (_, i) => Math.round((i * (length - 1)) / (count - 1))),
  )

/**
 * A few samples along a course, as a picture: for each sample a row of ideal latents, one of rolled-out ones and one of their
 * differences.
 *
 * @param batch the samples to show; their shape is [channels, height, width]
 * @returns nothing for samples that are no pictures
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, course: Course, few: Batch
 * const drawn = strip(denoiser, flow(), course, few, 0)
 */
export const strip = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  path: Path,
  course: Course,
  batch: Batch,
  seed: number,
): TE.TaskEither<ErrorOf<'EngineError'>, ReadonlyArray<DrawnStrip>> => {
  const { x0, shape, ids } = batch
  const [channels, height, width] = shape
  if (shape.length !== 3 || (channels !== 1 && channels !== 3)) return TE.right([])
  const noise = noiseOf(batch, seed)
  const elements = size(shape)
  const shown = spread(course.grid.length, most)
  const columns = shown.size
  const rows = new Float32Array(3 * ids.length * columns * elements)
  const timesteps: Array<number> = []
  return pipe(
    walk(denoiser, path, course, batch, { noise, seed }, ({ index, at, rolled }) => {
      if (!shown.has(index)) return TE.right(undefined)
      const column = timesteps.length
      timesteps.push(Math.round(at.timestep))
      ids.forEach((_, i) => {
        for (let e = 0; e < elements; e++) {
          const from = i * elements + e
          const ideal = at.alpha * x0[from] + at.sigma * noise[from]
          const place = (row: number): number => ((3 * i + row) * columns + column) * elements + e
          rows[place(0)] = ideal
          rows[place(1)] = rolled[from]
          rows[place(2)] = rolled[from] - ideal
        }
      })
      return TE.right(undefined)
    }),
    TE.chainTaskK(() => encodePng(sampleGrid(rows, { shape: [channels, height, width], columns, scale: 2 }))),
    TE.map((png) => [
      {
        file: `from-${course.start}.png`,
        caption: `${course.name} in ${course.steps} steps ${startWords(course.start)}; timesteps ${timesteps.join(', ')}`,
        png,
      },
    ]),
  )
}
