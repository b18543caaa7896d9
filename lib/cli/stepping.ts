import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Config } from '../config/index.js'
import type { Engine } from '../engine/index.js'
import { guidedEvaluations } from '../rollout/index.js'
import { descend, type Pipeline, type Stepped, supersteps } from '../stream/index.js'
import { type Compiled, rolloutShape, superstep, trainerOn } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import type { Batches, Recipe, Subject } from './recipe/index.js'
import { pausesOf, superstepSteps } from './superstep-steps.js'

/** A recipe compiled for a device. */
export type Stepping<P extends Parameterisation> = {
  readonly compiled: Compiled<P>
  /** Optimizer steps of a run, at most. */
  readonly together: number
  /** Takes them, and says what each of them did. */
  readonly steps: (batches: Batches) => Pipeline<P, Stepped>
}

/**
 * Compiles a recipe on an engine: single steps, or several in one graph where the configuration or the device asks for it.
 *
 * @returns Left `GradientError` when the model cannot be differentiated, `EngineError` when ONNX Runtime refuses a graph
 * @example
 * declare const config: Config, recipe: Recipe<'flow_matching'>, subject: Subject<'flow_matching'>
 * const stepping = steppingOn(openEngine())(config, recipe, subject)
 */
export const steppingOn =
  (engine: Engine) =>
  <P extends Parameterisation, N extends string = never>(
    config: Config,
    { trainer, lessons, together }: Pick<Recipe<P, N>, 'trainer' | 'lessons' | 'together'>,
    { model, trains }: Pick<Subject<P>, 'model' | 'trains'>,
  ): TE.TaskEither<DerivaError, Stepping<P>> => {
    const rolled = together?.rollout
    const evaluations = (): number =>
      rolled === undefined
        ? 0
        : guidedEvaluations(config.scheduled_sampling_guidance) *
          rolloutShape(rolled.solver, rolled.path, model.parameterisation, rolled.plan).evaluations
    const steps = superstepSteps(config, engine.device, evaluations)
    const options = { ...trainer, model, trains }
    if (steps === 1 || together === undefined)
      return pipe(
        trainerOn(engine)(options),
        TE.map((compiled) => ({
          compiled,
          together: 1,
          steps: (batches) => descend(compiled)(lessons(batches)),
        })),
      )
    return pipe(
      superstep(engine)({ ...options, steps, ...(rolled === undefined ? {} : { rollout: rolled }) }),
      TE.map((compiled) => ({
        compiled,
        together: steps,
        steps: (batches) => supersteps(compiled, { pauses: pausesOf(config) })(together.lessons(batches)),
      })),
    )
  }
