import { defar, type DefarOptions, jumpInputs, perElement } from 'deriva/loss'
import { add, mul, type Value } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { runLossOf } from './run-loss.js'

/** DEFAR's formulas, written out in double precision, for a "model" whose velocity is c·x² + t/1000. */
const c = 0.7
const velocity = (x: number, timestep: number): number => c * x * x + timestep / 1000
const graphed = (latents: Value, timestep: Value): Value =>
  add(mul(c, mul(latents, latents)), perElement(mul(timestep, 1e-3), latents))

const shape = [2, 3]
const timestep = [800, 300]
const landing = [250, 120]
const data = [0.4, -1.1, 0.7, 1.3, -0.2, 0.5]
const noise = [-0.6, 0.9, 1.4, -1.2, 0.3, 0.8]
const row = (e: number): 0 | 1 => (e < 3 ? 0 : 1)
const at = (times: ReadonlyArray<number>, e: number): number => times[row(e)] / 1000
const ideal = (times: ReadonlyArray<number>): ReadonlyArray<number> =>
  data.map((x, e) => (1 - at(times, e)) * x + at(times, e) * noise[e])
const rows = (xs: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => [
  xs.slice(0, 3),
  xs.slice(3),
]
const norm = (xs: ReadonlyArray<number>): number => Math.hypot(...xs)
const meanOf = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

type Settings = Required<DefarOptions>
const defaults: Settings = {
  alpha: 1,
  beta1: 10,
  beta2: 1,
  jump: 'flows',
  normaliser: 'mean',
  sign: 'absolute',
}

/** The loss as a function of the prediction at the training point; `frozen` stands for it where no gradient flows. */
const expected = (
  v: ReadonlyArray<number>,
  frozen: ReadonlyArray<number>,
  { alpha, beta1, beta2, jump, normaliser, sign }: Settings,
) => {
  const x = ideal(timestep)
  const land = (by: ReadonlyArray<number>): ReadonlyArray<number> =>
    x.map((a, e) => a + (at(landing, e) - at(timestep, e)) * by[e])
  const through = land(jump === 'flows' ? v : frozen)
  const there = through.map((a, e) => velocity(a, landing[row(e)]))
  const adr = rows(there).map((p, i) => {
    const d = rows(through)[i].map((a, e) => a - rows(data)[i][e])
    return p.reduce((s, a, e) => s + (a / norm(p) - d[e] / norm(d)) ** 2, 0)
  })
  const stopped = land(frozen)
  const fc = rows(ideal(landing)).map((r, i) => {
    const delta = r.map((a, e) => velocity(a, landing[i]) - velocity(rows(stopped)[i][e], landing[i]))
    const sizes = delta.map(Math.abs)
    const total = sizes.reduce((a, b) => a + b, 0)
    const size = { sum: total, mean: total / 3, max: Math.max(...sizes) }[normaliser]
    return delta.map((d) => (sign === 'signed' ? d : Math.abs(d)) / size)
  })
  const mse = rows(v).map((p, i) =>
    meanOf(
      p.map((a, e) => {
        const target = rows(noise)[i][e] - rows(data)[i][e]
        return ((1 + alpha * fc[i][e]) * (a - target)) ** 2
      }),
    ),
  )
  const size = fc.map((r) => meanOf(r.map((a) => Math.abs(alpha * a))))
  return { adr, mse, size, total: beta1 * meanOf(adr) + beta2 * meanOf(mse) }
}

const prediction = ideal(timestep).map((x, e) => velocity(x, timestep[row(e)]))
const given = {
  [jumpInputs.timestep]: float32([2], landing),
  [jumpInputs.sigma]: float32(
    [2],
    landing.map((t) => t / 1000),
  ),
  [jumpInputs.noise]: float32(shape, noise),
}
const run = (options: DefarOptions) =>
  runLossOf(
    'flow_matching',
    defar(options),
    {
      shape,
      prediction,
      target: noise.map((e, i) => e - data[i]),
      latents: ideal(timestep),
      data,
      timestep,
      alpha: timestep.map((t) => 1 - t / 1000),
      sigma: timestep.map((t) => t / 1000),
      given,
    },
    graphed,
  )

const settings: ReadonlyArray<Settings> = [
  defaults,
  { ...defaults, jump: 'stopped' },
  { ...defaults, normaliser: 'sum', sign: 'signed' },
  { ...defaults, normaliser: 'max', alpha: 0.5, beta1: 2, beta2: 3 },
]

describe.each(settings)('defar, jump $jump, bias over its $normaliser, $sign', (options) => {
  it('is its formula', async () => {
    const { terms, total } = await run(options)
    const { adr, mse, size, total: sum } = expected(prediction, prediction, options)
    for (const [name, values] of Object.entries({ anti_drift: adr, mse, fc_size: size }))
      terms[name].forEach((x, i) => {
        expect(Math.abs(x - values[i])).toBeLessThan(2e-5 * Math.max(1, Math.abs(values[i])))
      })
    expect(total / sum).toBeCloseTo(1, 5)
    adr.forEach((x) => {
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x).toBeLessThanOrEqual(4)
    })
  })

  it('has the gradient that central differences give, through the jump or not', async () => {
    const { gradient } = await run(options)
    const h = 1e-5
    gradient.forEach((g, e) => {
      const moved = (by: number): number =>
        expected(prediction.with(e, prediction[e] + by), prediction, options).total
      expect(Math.abs(g - (moved(h) - moved(-h)) / (2 * h))).toBeLessThan(2e-4)
    })
  })
})

describe('defar', () => {
  it('is plain squared error without its two terms, and asks the model no second time', async () => {
    const { terms, reads } = await run({ alpha: 0, beta1: 0 })
    expect(Object.keys(terms)).toEqual(['mse'])
    expect(reads).not.toContain(jumpInputs.timestep)
  })
})
