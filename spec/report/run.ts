import * as E from 'fp-ts/lib/Either.js'
import { type Config, decodeConfig } from '../../lib/config/index.js'
import type { Metrics } from '../../lib/train/index.js'

/** Metrics of a step as a run might have them. */
export const metricsAt = (step: number, change: Partial<Metrics> = {}): Metrics => ({
  step,
  loss: 0.1 + 1 / step,
  terms: { mse: 0.1 + 1 / step, anti_drift: 0.01 },
  learningRate: 1e-3,
  gradientNorm: 1,
  rolloutProbability: 0.25,
  rolledOut: 16,
  drift: 0.004,
  evaluations: 80,
  cleanEvaluations: 16,
  rolloutSeconds: 0.01,
  trainingSeconds: 0.03,
  ...change,
})

export const configOf = (json: unknown): Config => {
  const config = decodeConfig(json)
  if (E.isLeft(config)) throw new Error(config.left.message)
  return config.right
}
