import * as Plot from '@observablehq/plot'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { batches } from 'deriva/data'
import { mlp } from 'deriva/model'
import { normal } from 'deriva/random'
import { type Denoiser, rollout } from 'deriva/rollout'
import { euler, unitSteps } from 'deriva/solver'
import type { Conditioning, DerivaError } from 'deriva/types'
import { classes, data, path, perfect } from './clouds.js'
import { colours, look, svgFile } from './drawing.js'
import { learnt, seed } from './learning.js'
import { type Language, words } from './words.js'

/** Where the samples are noised to, and the timesteps that they are looked at on their way. */
const start = 600
const stops = [500, 400, 300, 200, 100, 0]

/** A point of a way: on the schedule, and where the model has brought it. */
type Place = {
  readonly model: 'trained' | 'perfect'
  readonly sample: number
  readonly timestep: number
  readonly ideal: readonly [number, number]
  readonly own: readonly [number, number]
}

/** Some samples whose ways lie apart: of two it is plain which cloud they came from, of three it is not. */
const shown = [12, 13, 18, 24, 32]

const ways = (
  model: Place['model'],
  denoiser: Denoiser<'flow_matching'>,
  conditioning: Conditioning,
  x0: Float32Array,
  noise: Float32Array,
): TE.TaskEither<DerivaError, ReadonlyArray<Place>> =>
  pipe(
    [start, ...stops],
    TE.traverseArray((timestep) => {
      const grid = unitSteps(path, start, timestep, 50)
      const span = { source: start, target: timestep, grid, from: 'noised' as const }
      const { alpha, sigma } = path.at(timestep)
      return pipe(
        rollout(path, euler())(denoiser, { x0, noise, conditioning, spans: shown.map(() => span) }),
        TE.map(({ latents }) =>
          shown.map((sample, i): Place => {
            const at = (d: number): number => alpha * x0[2 * i + d] + sigma * noise[2 * i + d]
            return {
              model,
              sample,
              timestep,
              ideal: [at(0), at(1)],
              own: [latents[2 * i], latents[2 * i + 1]],
            }
          }),
        ),
      )
    }),
    TE.map((places) => places.flat()),
  )

/** Points in the plane noised, and brought back: by a model of a short training, and by the best there can be. */
export const planeWays: TE.TaskEither<DerivaError, ReadonlyArray<Place>> = pipe(
  learnt({
    data,
    model: mlp({ parameterisation: 'flow_matching', sample: [2], classes, seed, width: 32, depth: 2 }),
    steps: 120,
    batchSize: 128,
    dropout: 1,
  }),
  TE.bindTo('trained'),
  // Without classes, as the model was trained.
  TE.bindW('batch', () => batches(data, { batchSize: shown.length, seed: 2, dropout: 1 })(0)),
  TE.bindW('rows', () => data.rows(shown)),
  TE.chainW(({ trained, batch: { conditioning }, rows: { x0 } }) => {
    const noise = new Float32Array(x0.length)
    shown.forEach((sample, i) => normal({ seed, purpose: 'noise', step: 0, sample }, noise, 2 * i, 2))
    return pipe(
      TE.Do,
      TE.apS('learnt', ways('trained', trained, conditioning, x0, noise)),
      TE.apS('best', ways('perfect', perfect, conditioning, x0, noise)),
      TE.map(({ learnt, best }) => [...learnt, ...best]),
    )
  }),
)

/** The idea in one picture: noised data on straight lines, what the model makes of the same starts, and the drift between them. */
export const ideaPicture = (places: ReadonlyArray<Place>, language: Language): string => {
  const say = words[language]
  const cloud = Array.from({ length: 400 }, (_, i) => {
    const point = new Float32Array(2)
    data.read(i, point, 0)
    return point
  })
  const panel = ({ model }: Place): string => say[model]
  const way = (place: Place): string => `${place.model} ${place.sample}`
  const ends = places.filter(({ timestep }) => timestep < start)
  const key = [
    { text: `● ${say.ideal}`, fill: colours[0] },
    { text: `● ${say.own}`, fill: colours[1] },
    { text: `— ${say.drift}`, fill: '#888' },
  ]
  return svgFile((document) =>
    Plot.plot({
      document,
      width: 900,
      height: 430,
      marginTop: 36,
      marginBottom: 12,
      marginLeft: 10,
      marginRight: 10,
      style: look,
      x: { axis: null, domain: [-1.15, 1.35] },
      y: { axis: null, domain: [-0.95, 1.3] },
      fx: { axis: 'top', label: null, domain: [say.trained, say.perfect], padding: 0.04 },
      marks: [
        Plot.frame({ stroke: '#ddd' }),
        Plot.dot(cloud, { x: '0', y: '1', r: 1.6, fill: '#c9ccd2' }),
        Plot.link(ends, {
          x1: ({ ideal }: Place) => ideal[0],
          y1: ({ ideal }: Place) => ideal[1],
          x2: ({ own }: Place) => own[0],
          y2: ({ own }: Place) => own[1],
          fx: panel,
          stroke: '#888',
          strokeOpacity: 0.75,
        }),
        Plot.line(places, {
          x: ({ ideal }: Place) => ideal[0],
          y: ({ ideal }: Place) => ideal[1],
          z: way,
          fx: panel,
          stroke: colours[0],
        }),
        Plot.line(places, {
          x: ({ own }: Place) => own[0],
          y: ({ own }: Place) => own[1],
          z: way,
          fx: panel,
          stroke: colours[1],
          strokeWidth: 2,
        }),
        Plot.dot(places, {
          x: ({ ideal }: Place) => ideal[0],
          y: ({ ideal }: Place) => ideal[1],
          fx: panel,
          r: ({ timestep }: Place) => (timestep === start ? 4.5 : 2.6),
          fill: colours[0],
        }),
        Plot.dot(ends, {
          x: ({ own }: Place) => own[0],
          y: ({ own }: Place) => own[1],
          fx: panel,
          r: 2.6,
          fill: colours[1],
        }),
        ...key.map(({ text, fill }, i) =>
          Plot.text([text], {
            fx: () => say.trained,
            text: (t: string) => t,
            frameAnchor: 'top-left',
            dx: 8,
            dy: 8 + 18 * i,
            fill,
            fontWeight: 600,
          }),
        ),
      ],
    }),
  )
}
