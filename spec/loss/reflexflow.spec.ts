import { readFileSync } from 'node:fs'
import { huber, type Pointwise, reflexflow, smoothL1, squaredError } from 'deriva/loss'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'
import { runLoss } from './run-loss.js'

/** SimpleTuner's own loss, executed: values in float64, gradients by its autograd. */
const numbers = t.array(t.number)
const Entry = t.intersection([
  t.type({
    id: t.string,
    shape: numbers,
    alpha: t.number,
    beta1: t.number,
    beta2: t.number,
    loss_type: t.keyof({ l2: null, huber: null, smooth_l1: null }),
    huber_c: t.number,
    caches_present: t.boolean,
    latents: numbers,
    noise: numbers,
    noisy_latents: numbers,
    model_pred: numbers,
    f64: t.type({
      per_sample_weighted_term: numbers,
      per_sample_adr_term: numbers,
      total: t.number,
      grad_model_pred: numbers,
    }),
  }),
  t.partial({ clean_pred: numbers, biased_pred: numbers }),
])
const File = t.type({ entries: t.array(Entry) })

const file: unknown = JSON.parse(
  readFileSync(new URL('../fixtures/solvers/reflexflow-loss.json', import.meta.url), 'utf8'),
)
const entries = File.is(file) ? file.entries : []

const pointwise: Record<t.TypeOf<typeof Entry>['loss_type'], (c: number) => Pointwise<'flow_matching'>> = {
  l2: () => squaredError,
  huber,
  smooth_l1: smoothL1,
}

const closeTo = (actual: ReadonlyArray<number>, expected: ReadonlyArray<number>): void => {
  const scale = Math.max(1e-3, ...expected.map(Math.abs))
  actual.forEach((x, i) => {
    expect(Math.abs(x - expected[i]) / scale).toBeLessThan(5e-6)
  })
  expect(actual.length).toBe(expected.length)
}

describe('reflexflow', () => {
  it('has its reference cases', () => {
    expect(entries.length).toBe(13)
  })

  it.each(entries)("$id: values and gradient of SimpleTuner's loss", async (entry) => {
    const { shape, alpha, beta1, beta2, latents, noise, caches_present, loss_type, huber_c } = entry
    // Where the reference has no cached predictions its weight is 1, as for samples that were not rolled out.
    const rolled = new Array<number>(shape[0]).fill(caches_present ? 1 : 0)
    const { total, gradient, terms } = await runLoss(
      reflexflow({ alpha, beta1, beta2, on: 'all', pointwise: pointwise[loss_type](huber_c) }),
      {
        shape,
        prediction: entry.model_pred,
        target: noise.map((e, i) => e - latents[i]),
        latents: entry.noisy_latents,
        data: latents,
        rolled,
        ...(entry.clean_pred && { clean: entry.clean_pred }),
        ...(entry.biased_pred && { biased: entry.biased_pred }),
      },
    )
    closeTo(
      terms['mse'].map((x) => beta2 * x),
      entry.f64.per_sample_weighted_term,
    )
    if (beta1 !== 0)
      closeTo(
        terms['anti_drift'].map((x) => beta1 * x),
        entry.f64.per_sample_adr_term,
      )
    closeTo([total], [entry.f64.total])
    closeTo(gradient, entry.f64.grad_model_pred)
  })
})
