import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, takeWhile, toArray } from 'rxjs'
import { type Config, rollsOut } from '../config/index.js'
import { batches } from '../data/index.js'
import type { Device } from '../engine/index.js'
import { dataset, type Stepped, training } from '../stream/index.js'
import type { DerivaError } from '../types/index.js'
import { withTrainingDevice } from './device-engine.js'
import type { OpenMaterials } from './materials.js'
import { isDerivaError } from './outcome.js'
import { sampleCost } from './plan-cost.js'
import { plannedMemory, type PlannedMemory } from './plan-memory.js'
import type { StepSeconds } from './ramp-table.js'
import { planOf, settled, subjectOf, withRecipe } from './recipe/index.js'
import { steppingOn } from './stepping.js'

/** What steps were seen to take. */
export type Timing = {
  readonly device: Device
  /** The device, and why: one line for a person. */
  readonly reason: string
  /** Optimizer steps of a run. */
  readonly together: number
  /** Whether the configuration is plain teacher forcing itself. */
  readonly plain: boolean
  readonly seconds: StepSeconds
  readonly memory: PlannedMemory
  /** The most bytes that this process has held so far; what a GPU holds is its own. */
  readonly peak: number
}

/** A first run warms up; then two, and more of short ones, since the machine may be busy with other things too. */
const [fewest, most, milliseconds] = [3, 40, 1500]

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return sorted.length === 0 ? 0 : ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
}

type Seen = Pick<Timing, 'device' | 'reason' | 'together' | 'memory'> & {
  /** Seconds, a step. */
  readonly rollouts: number
  /** Seconds, a sample evaluation of rollouts; 0 where there were none, or they are part of the step's graph. */
  readonly evaluation: number
  readonly training: number
}

/** Trains a few steps on the device of the configuration, and looks at the last ones. */
const seen = (config: Config, materials: OpenMaterials): TE.TaskEither<DerivaError, Seen> =>
  withTrainingDevice(config)(({ engine, reason }) =>
    withRecipe(settled(config, materials.dataset), (recipe) =>
      pipe(
        TE.fromEither(subjectOf(config, materials, recipe.parameterisation)),
        TE.bindTo('subject'),
        TE.bindW('memory', ({ subject: { model, trains } }) =>
          TE.fromEither(plannedMemory({ ...recipe.trainer, model, trains })),
        ),
        TE.bindW('stepping', ({ subject }) => steppingOn(engine)(config, recipe, subject)),
        TE.chainW(({ memory, stepping: { compiled, together, steps } }) => {
          const source = batches(materials.dataset, {
            batchSize: compiled.batchSize,
            seed: config.seed,
            dropout: config.caption_dropout_probability,
          })
          const begun = performance.now()
          const run = pipe(
            steps(dataset(source)),
            training(compiled, { steps: most * together, seed: config.seed }),
            takeWhile(
              ({ state }) => state.step < fewest * together || performance.now() - begun < milliseconds,
              true,
            ),
            toArray<Stepped>(),
          )
          return TE.tryCatch(
            async (): Promise<Seen> => {
              const counted = (await lastValueFrom(run)).map(({ metrics }) => metrics).slice(together)
              const rolling = counted.filter(({ evaluations }) => evaluations > 0)
              return {
                device: engine.device,
                reason,
                together,
                memory,
                rollouts: median(counted.map(({ rolloutSeconds }) => rolloutSeconds)),
                evaluation: median(
                  rolling.map(({ rolloutSeconds, evaluations }) => rolloutSeconds / evaluations),
                ),
                training: median(counted.map(({ trainingSeconds }) => trainingSeconds)),
              }
            },
            (cause): DerivaError => {
              if (isDerivaError(cause)) return cause
              throw cause
            },
          )
        }),
      ),
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

const secondsOf = (config: Config, forced: Seen, own: Seen): StepSeconds => {
  const teacherForcing = forced.training
  if (!rollsOut(config)) return { teacherForcing, training: own.training + own.rollouts, rollouts: 0 }
  // Rollouts in the graph of a step are known by what their share of the samples adds to it.
  if (own.together > 1)
    return {
      teacherForcing,
      training: forced.training,
      rollouts: Math.max(0, own.training - forced.training) / planOf(atFullShare(config)).probability(0),
    }
  const batch = config.train_batch_size * config.gradient_accumulation_steps
  return {
    teacherForcing,
    training: own.training,
    rollouts: own.evaluation * batch * sampleCost(config).rollout,
  }
}

/**
 * Takes a few steps of a run on its device, with its own model and batches, and of plain teacher forcing beside it, and says what they
 * took. Nothing is kept.
 *
 * @example
 * declare const config: Config, materials: OpenMaterials
 * const timing = timed(config, materials)
 */
export const timed = (config: Config, materials: OpenMaterials): TE.TaskEither<DerivaError, Timing> => {
  const plain = config.training_method === 'standard' && config.input_perturbation === 0 && !rollsOut(config)
  return pipe(
    TE.Do,
    TE.bind('forced', () => seen(teacherForced(config), materials)),
    TE.bind('own', ({ forced }) =>
      plain ? TE.right(forced) : seen(rollsOut(config) ? atFullShare(config) : config, materials),
    ),
    TE.map(({ forced, own }): Timing => {
      const { device, reason, together, memory } = own
      return {
        device,
        reason,
        together,
        plain,
        seconds: secondsOf(config, forced, own),
        memory,
        peak: process.resourceUsage().maxRSS * 1024,
      }
    }),
  )
}
