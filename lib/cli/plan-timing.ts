import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, takeWhile, toArray } from 'rxjs'
import { type Config, rollsOut } from '../config/index.js'
import { batches } from '../data/index.js'
import { dataset, descend, type Descended, training } from '../stream/index.js'
import { type Parameters, type State, trainer } from '../train/index.js'
import type { DerivaError } from '../types/index.js'
import type { OpenMaterials } from './materials.js'
import { isDerivaError } from './outcome.js'
import { sampleCost } from './plan-cost.js'
import { planOf, settled, subjectOf, withRecipe } from './recipe/index.js'
import type { StepSeconds } from './ramp-table.js'

/** What steps were seen to take. */
export type Timing = {
  readonly seconds: StepSeconds
  /** Of a step of plain teacher forcing of the same model on the same batches. */
  readonly teacherForcing: number
  /** Bytes of weights, their averages, and what the optimizer remembers. */
  readonly state: number
  /** The most bytes that this process has held so far. */
  readonly peak: number
}

/** A first step warms up; then two, and more of short ones, since the machine may be busy with other things too. */
const [fewest, most, milliseconds] = [3, 40, 1500]

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return sorted.length === 0 ? 0 : ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
}

type Seen = {
  /** Seconds, a step. */
  readonly rollouts: number
  /** Seconds, a sample evaluation of rollouts; 0 where there were none. */
  readonly evaluation: number
  readonly training: number
  readonly state: number
}

const bytesOf = ({ parameters, ema, slots }: State): number => {
  const of = (tensors: Parameters): number =>
    Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0)
  return (
    of(parameters) +
    (ema === parameters ? 0 : of(ema)) +
    Object.values(slots).reduce((sum, s) => sum + of(s), 0)
  )
}

/** Trains a few steps, and looks at the last ones. */
const seen = (config: Config, materials: OpenMaterials): TE.TaskEither<DerivaError, Seen> =>
  withRecipe(settled(config, materials.dataset), ({ parameterisation, trainer: options, lessons }) =>
    pipe(
      TE.fromEither(subjectOf(config, materials, parameterisation)),
      TE.chainW(({ model, trains }) => trainer({ ...options, model, trains })),
      TE.chainW((compiled) => {
        const source = batches(materials.dataset, {
          batchSize: compiled.batchSize,
          seed: config.seed,
          dropout: config.caption_dropout_probability,
        })
        const begun = performance.now()
        const run = pipe(
          lessons(dataset(source)),
          descend(compiled),
          training(compiled, { steps: most, seed: config.seed }),
          takeWhile((_, i) => i + 1 < fewest || performance.now() - begun < milliseconds, true),
          toArray<Descended>(),
        )
        return TE.tryCatch(
          async (): Promise<Seen> => {
            const counted = (await lastValueFrom(run)).slice(1)
            const rolling = counted.filter(({ metrics }) => metrics.evaluations > 0)
            return {
              rollouts: median(counted.map(({ metrics }) => metrics.rolloutSeconds)),
              evaluation: median(rolling.map(({ metrics }) => metrics.rolloutSeconds / metrics.evaluations)),
              training: median(counted.map(({ metrics }) => metrics.trainingSeconds)),
              state: bytesOf(compiled.initial),
            }
          },
          (cause): DerivaError => {
            if (isDerivaError(cause)) return cause
            throw cause
          },
        )
      }),
    ),
  )

/** The same model on the same batches, without rollouts or any other method. */
const teacherForced = (config: Config): Config => ({
  ...config,
  training_method: 'standard',
  input_perturbation: 0,
  scheduled_sampling_max_step_offset: 0,
  scheduled_sampling_backprop: 0,
  scheduled_sampling_reflexflow: false,
})

/** The share of rollouts that a run comes to, from the first step on. */
const atFullShare = (config: Config): Config => {
  const { probability } = planOf(config)
  const end = config.scheduled_sampling_start_step + config.scheduled_sampling_ramp_steps
  return {
    ...config,
    scheduled_sampling_ramp_steps: 0,
    scheduled_sampling_start_step: 0,
    scheduled_sampling_probability: Math.max(probability(0), probability(end)),
  }
}

/**
 * Takes a few steps of a run, with its own model and batches, and of plain teacher forcing beside it, and says what they took. Nothing is kept.
 *
 * @example
 * declare const config: Config, materials: OpenMaterials
 * const timing = timed(config, materials)
 */
export const timed = (config: Config, materials: OpenMaterials): TE.TaskEither<DerivaError, Timing> => {
  const plain = config.training_method === 'standard' && config.input_perturbation === 0 && !rollsOut(config)
  const batch = config.train_batch_size * config.gradient_accumulation_steps
  return pipe(
    TE.Do,
    TE.bind('forced', () => seen(teacherForced(config), materials)),
    TE.bind('own', ({ forced }) =>
      plain ? TE.right(forced) : seen(rollsOut(config) ? atFullShare(config) : config, materials),
    ),
    TE.map(({ forced, own }): Timing => {
      return {
        seconds: {
          // What a method evaluates for every sample is there at any share.
          training: own.training + (rollsOut(config) ? 0 : own.rollouts),
          rollouts: rollsOut(config) ? own.evaluation * batch * sampleCost(config).rollout : 0,
        },
        teacherForcing: forced.training,
        state: own.state,
        peak: process.resourceUsage().maxRSS * 1024,
      }
    }),
  )
}
