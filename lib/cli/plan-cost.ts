import type { Config } from '../config/index.js'
import { rollsOut } from '../config/index.js'
import { uniform } from '../random/index.js'
import { guidedEvaluations, plan, plannedEvaluations, tailShape } from '../rollout/index.js'
import { planOf, samplingOf, solverOfRollouts, timestepsOf } from './recipe/index.js'

/** What a sample of a batch costs beyond the evaluation that every step makes, in evaluations of the model. */
export type SampleCost = {
  /** Of a sample that is chosen for a rollout, on average over lengths and timesteps; without gradient. */
  readonly rollout: number
  /** Of every sample, whatever becomes of it; without gradient. */
  readonly forward: number
  /** Of every sample, in the training graph: forward and backward. */
  readonly trained: number
  /** The share of samples chosen for a rollout that move: a length of 0 may be drawn. 0 … 1. */
  readonly moved: number
  /** How far a sample that is chosen is rolled out, on average: the σ of its source less that of its target. */
  readonly span: number
}

/** Samples that the average is taken over. */
const drawn = 256

/** What the training method asks for. */
const methodCost = (config: Config): Pick<SampleCost, 'forward' | 'trained'> => {
  switch (config.training_method) {
    case 'dream':
      return { forward: 1, trained: 0 }
    case 'defar':
      return {
        forward: config.defar_alpha === 0 ? 0 : 1,
        trained: config.defar_beta1 === 0 && config.defar_alpha === 0 ? 0 : 1,
      }
    case 'standard':
    case 'hastened':
    case 'mixflow':
      return { forward: 0, trained: 0 }
  }
}

/** The way to a target without its last steps. */
const withoutTail = <S extends { readonly grid: ReadonlyArray<unknown> }>(span: S, steps: number): S => ({
  ...span,
  grid: span.grid.slice(0, Math.max(1, span.grid.length - steps)),
})

/**
 * What a configuration costs a sample, from the draws that training itself makes at its first step.
 *
 * @example
 * declare const config: Config
 * const { rollout } = sampleCost(config)
 */
export const sampleCost = (config: Config): SampleCost => {
  const { forward, trained } = methodCost(config)
  if (!rollsOut(config)) return { rollout: 0, forward, trained, moved: 0, span: 0 }
  const { path } = samplingOf(config, 1)
  const { seed, prediction_type: type, scheduled_sampling_backprop: tail } = config
  const solver = solverOfRollouts(config)
  const options = { ...planOf(config), probability: () => 1 }
  const sampler = timestepsOf(config)
  const ids = Uint32Array.from({ length: drawn }, (_, sample) => sample)
  const targets = Array.from(ids, (sample) => {
    const key = { seed, purpose: 'timestep', step: 0, sample } as const
    return sampler(path, uniform(key, 0), uniform(key, 1))
  })
  const spans = plan(options, { seed, step: 0 }, ids, targets, path)
  const packed = plannedEvaluations(
    solver,
    path,
    type,
    spans.map((span) => withoutTail(span, tail)),
  )
  const moved = spans.filter(({ grid }) => grid.length > 1).length
  // ReflexFlow compares with the prediction at the ideal latents, wherever the drifted ones are trained.
  const compares = config.scheduled_sampling_reflexflow && config.scheduled_sampling_reflexflow_alpha !== 0
  const points = config.scheduled_sampling_renoise_points
  return {
    rollout:
      (guidedEvaluations(config.scheduled_sampling_guidance) * packed +
        (compares && points === null ? moved : 0)) /
      drawn,
    forward: forward + (compares ? (points ?? 0) : 0),
    moved: moved / drawn,
    span:
      spans.reduce((sum, { source, target }) => sum + path.at(source).sigma - path.at(target).sigma, 0) /
      drawn,
    trained:
      trained + (points ?? 0) + (tail === 0 ? 0 : tailShape(solver, path, type, options, tail).evaluations),
  }
}
