import fc from 'fast-check'
import {
  antiDrift,
  besidePoints,
  mean,
  mse,
  scaled,
  sigmaSquared,
  squaredError,
  sum,
  weighted,
} from 'deriva/loss'
import { add, mul, reshape } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { runLossOf } from './run-loss.js'

/** A loss beside further points, against its formula: L + weight · mean over points of L there, for samples that count. */

const [batch, elements] = [3, 2]
const average = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

/** What the model says: half of a latent and a thousandth of the time. */
const said = (x: number, t: number): number => 0.5 * x + t / 1000

const numbers = (count: number, min = -2, max = 2) =>
  fc.array(fc.double({ min, max, noNaN: true }).map(Math.fround), { minLength: count, maxLength: count })

const drawn = (points: number) =>
  fc.record({
    prediction: numbers(batch * elements),
    target: numbers(batch * elements),
    latents: numbers(batch * elements),
    data: numbers(batch * elements),
    timestep: numbers(batch, 0, 1000),
    alpha: numbers(batch, 0, 1),
    sigma: numbers(batch, 0, 1),
    places: numbers(batch * points * elements),
    ideal: numbers(batch * points * elements),
    wanted: numbers(batch * points * elements),
    times: numbers(batch * points, 0, 1000),
    alphas: numbers(batch * points, 0, 1),
    sigmas: numbers(batch * points, 0, 1),
    counts: fc.array(fc.constantFrom(0, 1), { minLength: batch, maxLength: batch }),
  })

type Drawn = ReturnType<typeof drawn> extends fc.Arbitrary<infer A> ? A : never

const valuesOf = (points: number, d: Drawn) => ({
  shape: [batch, elements],
  prediction: d.prediction,
  biased: d.prediction,
  target: d.target,
  latents: d.latents,
  data: d.data,
  rolled: [0, 0, 0],
  timestep: d.timestep,
  alpha: d.alpha,
  sigma: d.sigma,
  given: {
    point_latents: float32([batch, points, elements], d.places),
    point_ideal: float32([batch, points, elements], d.ideal),
    point_target: float32([batch, points, elements], d.wanted),
    point_timestep: float32([batch, points], d.times),
    point_alpha: float32([batch, points], d.alphas),
    point_sigma: float32([batch, points], d.sigmas),
    point_counts: float32([batch], d.counts),
  },
})

const model: NonNullable<Parameters<typeof runLossOf>[3]> = (latents, timestep) =>
  add(mul(0.5, latents), mul(0.001, reshape(timestep, [0, 1])))

/** A sample's error at one of its points, by a formula of rows. */
const atPoints = (
  points: number,
  d: Drawn,
  error: (said: ReadonlyArray<number>, wanted: ReadonlyArray<number>, place: number, row: number) => number,
): ReadonlyArray<number> =>
  d.counts.map((counts, i) =>
    average(
      Array.from({ length: points }, (_, j) => {
        const row = i * points + j
        const at = [0, 1].map((e) => row * elements + e)
        return (
          counts *
          error(
            at.map((k) => said(d.places[k], d.times[row])),
            at.map((k) => d.wanted[k]),
            row,
            i,
          )
        )
      }),
    ),
  )

const squares = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  average(a.map((x, k) => (x - b[k]) ** 2))

describe('a loss beside points', () => {
  it.each([1, 2, 6])(
    'is the loss and the mean of it over %i points, for the samples that count',
    async (points) => {
      await fc.assert(
        fc.asyncProperty(drawn(points), fc.double({ min: 0, max: 3, noNaN: true }), async (d, weight) => {
          const loss = besidePoints({ points, weight })(scaled(2)(mse))
          const found = await runLossOf('flow_matching', loss, valuesOf(points, d), model)
          const main = average(d.prediction.map((x, e) => (x - d.target[e]) ** 2))
          const beside = average(atPoints(points, d, squares))
          expect(found.total).toBeCloseTo(2 * main + weight * 2 * beside, 3)
        }),
        { numRuns: 8 },
      )
    },
  )

  it('looks at what is there: noise level, latents, and that the sample was rolled out', async () => {
    await fc.assert(
      fc.asyncProperty(drawn(2), async (d) => {
        const loss = besidePoints({ points: 2 })(
          sum(weighted(sigmaSquared)(mean('mse', squaredError)), antiDrift()),
        )
        const found = await runLossOf('flow_matching', loss, valuesOf(2, d), model)
        const main = average(
          [0, 1, 2].map(
            (i) =>
              d.sigma[i] ** 2 *
              average([0, 1].map((e) => (d.prediction[2 * i + e] - d.target[2 * i + e]) ** 2)),
          ),
        )
        const weighed = atPoints(2, d, (a, b, row) => d.sigmas[row] ** 2 * squares(a, b))
        const turned = atPoints(2, d, (a, _, row, i) => {
          const towards = [0, 1].map((e) => d.places[row * elements + e] - d.data[i * elements + e])
          // Shorter vectors have none.
          const direction = (v: ReadonlyArray<number>): ReadonlyArray<number> =>
            v.map((x) => (Math.hypot(...v) < 1e-6 ? 0 : x / Math.hypot(...v)))
          const [one, other] = [direction(a), direction(towards)]
          const apart = one.map((x, k) => x - other[k])
          return apart.reduce((s, x) => s + x * x, 0)
        })
        expect(found.total).toBeCloseTo(main + average(weighed) + average(turned), 3)
      }),
      { numRuns: 8 },
    )
  })
})
