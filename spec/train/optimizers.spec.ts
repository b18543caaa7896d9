import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { adafactor, adam, adamw, lion, type Optimizer, prodigy, type Schedule, sgd } from 'deriva/train'
import * as E from 'fp-ts/lib/Either.js'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'
import { trajectory, worst } from './float64.js'
import { right } from '../either.js'

/** Against PyTorch and the authors' packages, in float64: see generate.py beside the fixture. */

const NumbersCodec = t.record(t.string, t.array(t.number))
const Fixture = t.type({
  shapes: NumbersCodec,
  start: NumbersCodec,
  gradients: t.array(NumbersCodec),
  factors: t.array(t.number),
  after: t.record(t.string, t.array(NumbersCodec)),
})

const fixture = right(
  E.mapLeft(() => ({ message: 'not the fixture' }))(
    Fixture.decode(
      JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/train/optimizers.json'), 'utf8')),
    ),
  ),
)

const scheduled =
  (peak: number): Schedule =>
  (step) =>
    peak * fixture.factors[step]

/** The options of generate.py, in the names used here. */
const cases: Readonly<Record<string, Optimizer>> = {
  sgd: sgd({ learningRate: scheduled(0.1) }),
  'sgd momentum': sgd({ learningRate: scheduled(0.1), momentum: 0.9, weightDecay: 0.05 }),
  'sgd nesterov': sgd({ learningRate: scheduled(0.1), momentum: 0.8, nesterov: true }),
  adam: adam({ learningRate: scheduled(0.01) }),
  'adam decay': adam({
    learningRate: scheduled(0.01),
    beta1: 0.8,
    beta2: 0.95,
    epsilon: 1e-4,
    weightDecay: 0.1,
  }),
  adamw: adamw({ learningRate: scheduled(0.01), beta1: 0.8, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1 }),
  lion: lion({ learningRate: scheduled(0.01) }),
  'lion decay': lion({ learningRate: scheduled(0.01), beta1: 0.7, beta2: 0.9, weightDecay: 0.2 }),
  adafactor: adafactor({ learningRate: scheduled(0.01), scalesByParameter: true }),
  'adafactor decay': adafactor({
    learningRate: scheduled(0.02),
    decayRate: 0.6,
    clipThreshold: 1.2,
    scalesByParameter: true,
    leastScale: 0.5,
    weightDecay: 0.1,
  }),
  prodigy: prodigy({ learningRate: scheduled(1), initialDistance: 2 ** -10 }),
  'prodigy options': prodigy({
    learningRate: scheduled(1),
    beta1: 0.8,
    beta2: 0.95,
    beta3: 0.9,
    weightDecay: 0.1,
    biasCorrection: true,
    safeguardsWarmup: true,
    initialDistance: 2 ** -6,
    distanceFactor: 2,
    growthRate: 1.5,
  }),
}

describe('optimizers against PyTorch', () => {
  const { shapes, start, gradients, after } = fixture
  it.each(Object.keys(after))('%s: the same parameters after each of six steps', async (name) => {
    const found = await trajectory(cases[name], shapes, start, gradients)
    const error = worst(found, after[name], start)
    expect(error).toBeLessThan(1e-12)
  })

  it('notices a rule that is off by one part in a thousand', async () => {
    const wrong = await trajectory(
      adamw({ learningRate: scheduled(0.01), beta1: 0.8008, beta2: 0.95, epsilon: 1e-4, weightDecay: 0.1 }),
      shapes,
      start,
      gradients,
    )
    expect(worst(wrong, after['adamw'], start)).toBeGreaterThan(1e-5)
  })
})
