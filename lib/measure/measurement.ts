import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path, Point } from '../path/index.js'
import type { Denoiser } from '../rollout/index.js'
import type { Batch, ErrorOf, Parameterisation } from '../types/index.js'
import type { Course, Start } from './course.js'
import { type Estimate, jackknife } from './interval.js'
import { eachMeter, type Meter, readings } from './meter.js'
import { standardCut } from './sharpness.js'
import type { Edges } from './spectrum.js'
import { addTallies, type PointTally, type Scene, tallyOf } from './tally.js'
import { noiseOf, walk } from './walk.js'

/** All meters at a point of a course. */
export type MeasuredPoint = {
  readonly timestep: number
  readonly sigma: number
  readonly meters: { readonly [M in Meter]: Estimate }
  /** [bands]: √(E‖x̂ − x‖² / E‖x‖²) within each band of spatial frequencies; NaN where a picture has none of these. */
  readonly spectrum: ReadonlyArray<number>
}

/** A course with what was seen along it. */
export type MeasuredCourse = {
  readonly solver: string
  readonly steps: number
  readonly start: Start
  /** From the start to clean data. */
  readonly points: ReadonlyArray<MeasuredPoint>
}

/** What a model does on its own trajectories. Intervals are at 95 %, by the jackknife over `groups` groups of samples. */
export type Measurement = {
  readonly samples: number
  readonly groups: number
  readonly seed: number
  /** Edges of the bands of `spectrum`. */
  readonly edges: Edges
  /** The edge above which frequencies are high. */
  readonly cut: number
  readonly courses: ReadonlyArray<MeasuredCourse>
}

export type MeasuringOptions = {
  readonly path: Path
  readonly courses: ReadonlyArray<Course>
  /** Names the noise of the samples. */
  readonly seed: number
  /** Where high spatial frequencies begin, as a share of the finest along an axis. Default 0.25. */
  readonly cut?: number
}

/** The tallies of a group of samples: of every course the points. */
export type Tallies = ReadonlyArray<ReadonlyArray<PointTally>>

/** Eight bands, and the cut among their edges. */
const edgesWith = (cut: number): Edges =>
  [...new Set([0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, cut])].sort((a, b) => a - b)

/**
 * What tells a noise level from others: those beyond the training grid share its last timestep, and not their latents.
 *
 * @example
 * const level = levelOf(flow().at(500))
 */
export const levelOf = ({ timestep, alpha, sigma }: Point): string => [timestep, alpha, sigma].join()

/**
 * Rolls a batch along every course and adds up what all meters need. The model's predictions along a trajectory are its own, and
 * cost nothing beside it; those at the ideal latents are asked for once per point and shared by all courses that pass there.
 *
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>, heldOut: Batch, options: MeasuringOptions
 * const tallies = measureBatch(denoiser, options)(heldOut)
 */
export const measureBatch =
  <P extends Parameterisation>(
    denoiser: Denoiser<P>,
    { path, courses, seed, cut = standardCut }: MeasuringOptions,
  ): ((batch: Batch) => TE.TaskEither<ErrorOf<'EngineError'>, Tallies>) =>
  (batch) =>
  async () => {
    const { x0, shape, conditioning, ids } = batch
    const noise = noiseOf(batch, seed)
    const edges = edgesWith(cut)
    const asked = new Map<string, Float32Array>()
    const atIdeal = (at: Point, ideal: Float32Array): TE.TaskEither<ErrorOf<'EngineError'>, Float32Array> => {
      const level = levelOf(at)
      const before = asked.get(level)
      if (before !== undefined) return TE.right(before)
      return pipe(
        denoiser.predict(ideal, new Float32Array(ids.length).fill(at.timestep), conditioning),
        TE.map((prediction) => {
          asked.set(level, prediction)
          return prediction
        }),
      )
    }
    const tallies: Array<ReadonlyArray<PointTally>> = []
    for (const course of courses) {
      const points: Array<PointTally> = []
      const walked = await walk(
        denoiser,
        path,
        course,
        batch,
        { noise, seed },
        ({ at, rolled, prediction }) => {
          const ideal = idealLatents(at, x0, noise)
          const scene = { path, at, shape, batch: ids.length, x0, noise, ideal, rolled }
          const asking: TE.TaskEither<ErrorOf<'EngineError'>, Scene['predictions']> = prediction === undefined
            ? TE.right(undefined)
            : pipe(
                atIdeal(at, ideal),
                TE.map((unbiased) => ({ atRolled: prediction, atIdeal: unbiased })),
              )
          return pipe(
            asking,
            TE.map((predictions) => {
              points.push(tallyOf({ ...scene, predictions }, { edges, cut }))
            }),
          )
        },
      )()
      if (E.isLeft(walked)) return walked
      tallies.push(points)
    }
    return E.right(tallies)
  }

/** alpha·x0 + sigma·noise at a point, which may lie beyond the training grid: the clean end of a ddpm path does. */
const idealLatents = ({ alpha, sigma }: Point, x0: Float32Array, noise: Float32Array): Float32Array =>
  x0.map((x, e) => alpha * x + sigma * noise[e])

/**
 * The tallies of the samples of two groups together.
 *
 * @example
 * declare const first: Tallies, second: Tallies
 * const both = joinTallies(first, second)
 */
export const joinTallies = (a: Tallies, b: Tallies): Tallies =>
  a.map((points, course) => points.map((tally, point) => addTallies(tally, b[course][point])))

const pointOf = (
  { timestep, sigma }: Point,
  groups: ReadonlyArray<PointTally>,
  options: { readonly edges: Edges; readonly cut: number },
): MeasuredPoint => {
  const together = (some: ReadonlyArray<PointTally>): PointTally => some.reduce(addTallies)
  const all = together(groups)
  const without =
    groups.length < 2 ? [] : groups.map((_, left) => together(groups.filter((_, i) => i !== left)))
  const estimate = (meter: Meter): Estimate => {
    const read = (tally: PointTally): number => readings[meter](tally, { ...options, sigma })
    return jackknife(read(all), without.map(read))
  }
  return {
    timestep,
    sigma,
    meters: eachMeter(estimate),
    spectrum: Array.from(all.driftBands, (power, band) => Math.sqrt(power / all.idealBands[band])),
  }
}

/**
 * What groups of samples amount to, with confidence intervals from the differences between groups.
 *
 * @param groups at least one; two or more for intervals, all of about the same number of samples
 * @example
 * declare const options: MeasuringOptions, groups: ReadonlyArray<Tallies>
 * const measurement = measurementOf(options, groups)
 */
export const measurementOf = (
  { courses, seed, cut = standardCut }: MeasuringOptions,
  groups: ReadonlyArray<Tallies>,
): Measurement => {
  const edges = edgesWith(cut)
  return {
    samples: groups.reduce((sum, group) => sum + (group.at(0)?.at(0)?.count[0] ?? 0), 0),
    groups: groups.length,
    seed,
    edges,
    cut,
    courses: courses.map(({ name, steps, start, grid }, c) => ({
      solver: name,
      steps,
      start,
      points: grid.map((at, p) =>
        pointOf(
          at,
          groups.map((group) => group[c][p]),
          { edges, cut },
        ),
      ),
    })),
  }
}
