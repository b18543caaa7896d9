import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fitted } from '../checkpoint/index.js'
import { type Config, configError, configNotes, rollsOut } from '../config/index.js'
import { parameterCount } from '../model/index.js'
import type { Compiled, State } from '../train/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { type BlurWatch, blurWatch, dataSharpness } from './blur-watch.js'
import { type Departure, stillDeparts } from './departure.js'
import { type DeviceEngine, withTrainingDevice } from './device-engine.js'
import { headline } from './headline.js'
import { type Interruption, listen } from './interruption.js'
import { keeper } from './keeper.js'
import type { ExitCode } from './outcome.js'
import { durationText } from './progress.js'
import { type ProgressView, progressView } from './progress-bar.js'
import { type OpenMaterials, openMaterials } from './materials.js'
import { plannedSteps, rampTable } from './ramp-table.js'
import { goOn, remains } from './remains.js'
import { type Recipe, settled, type Subject, subjectOf, withRecipe } from './recipe/index.js'
import { holding } from './run-lock.js'
import { sameData } from './same-data.js'
import { steppingOn, type Stepping } from './stepping.js'
import type { Terminal } from './terminal.js'
import { drawing, type Reached, trainingSteps } from './training-steps.js'
import { weightNotes } from './weight-notes.js'

/** All that a run is made of. What can be refused has been looked at by now, and nothing has been written. */
type Ready<P extends Parameterisation> = {
  readonly config: Config
  readonly sampling: Recipe<P>['sampling']
  readonly data: OpenMaterials['dataset']
  readonly subject: Subject<P>
  readonly stepping: Stepping<P>
  /** What is computed on, and why. */
  readonly device: string
  readonly from: State
  readonly watch: BlurWatch
}

const startOf = (
  { use_ema: averages }: Config,
  { checkpoint }: Departure,
  { initial }: Pick<Compiled<Parameterisation>, 'initial'>,
): TE.TaskEither<DerivaError, State> =>
  checkpoint === undefined
    ? TE.right(initial)
    : pipe(
        TE.fromEither(fitted(checkpoint.path, checkpoint.state, initial, averages)),
        TE.mapLeft(({ message }) =>
          configError([
            {
              key: 'resume_from_checkpoint',
              value: checkpoint.path,
              allowed: `a checkpoint of this model and optimizer (${message})`,
            },
          ]),
        ),
      )

const prepared = <P extends Parameterisation, N extends string>(
  config: Config,
  materials: OpenMaterials,
  recipe: Recipe<P, N>,
  departure: Departure,
  { engine, reason }: DeviceEngine,
): TE.TaskEither<DerivaError, Ready<P>> =>
  pipe(
    TE.Do,
    TE.bind('subject', () =>
      TE.fromEither<DerivaError, Subject<P>>(subjectOf(config, materials, recipe.parameterisation)),
    ),
    TE.bindW('stepping', ({ subject }) => steppingOn(engine)(config, recipe, subject)),
    TE.bindW('from', ({ stepping: { compiled } }) => startOf(config, departure, compiled)),
    TE.bindW('watch', () =>
      pipe(
        dataSharpness(materials.dataset),
        TE.map((sharp) => blurWatch(materials.dataset.shape, sharp)),
      ),
    ),
    TE.map((parts) => ({
      config,
      sampling: recipe.sampling,
      data: materials.dataset,
      ...parts,
      device: reason,
    })),
  )

const ending = (
  { config: { output_dir: outputDir, max_train_steps: total } }: { readonly config: Config },
  { state, progress }: Reached,
  seconds: number,
): ReadonlyArray<string> => {
  const taken = state.step - progress.from
  return [
    ...(taken === 0
      ? [`Step ${state.step} of ${total}: there is nothing left to train.`]
      : [
          `${taken.toLocaleString('en-US')} step${taken === 1 ? '' : 's'} in ${durationText(seconds)}, loss ${progress.loss.toPrecision(3)}; at step ${state.step} of ${total}.`,
        ]),
    `  ${outputDir}/report.html   what it learnt, and how`,
    `  ${outputDir}/model.onnx    the model; draw from it with: deriva sample ${outputDir}`,
    ...(state.step < total ? [`  ${goOn(outputDir)}`] : []),
  ]
}

const withMore = <E extends DerivaError>(error: E, more: string): E => ({
  ...error,
  message: error.message + more,
})

const run = <P extends Parameterisation>(
  ready: Ready<P>,
  terminal: Terminal,
  interruption: Interruption,
  view: ProgressView,
): TE.TaskEither<DerivaError, ExitCode> => {
  const { config, data, sampling, subject, stepping } = ready
  const keep = keeper(config, data, { sampling }, subject, stepping.compiled, (samples, step) =>
    pipe(
      ready.watch(samples),
      T.map((blurred) => {
        if (blurred !== undefined) view.note(`Note: at step ${step}, ${blurred}.`)
      }),
    ),
  )
  const begun = performance.now()
  return pipe(
    keep.open(ready.from),
    TE.chain(() => trainingSteps(ready, keep, interruption, view.show)),
    TE.chainFirst(({ state, progress }) => {
      const [trained, finished] = [state.step > progress.from, state.step >= ready.config.max_train_steps]
      return pipe(
        trained ? keep.checkpoint(state) : TE.right(undefined),
        TE.chain(() =>
          finished && trained
            ? keep.grid(state, drawing(view.show, interruption, progress))
            : TE.right(undefined),
        ),
        TE.chain(() => {
          if (trained) view.show(progress)
          view.close()
          return keep.close(state)
        }),
      )
    }),
    TE.orElseFirstTaskK((): T.Task<unknown> => {
      view.close()
      // The curves up to here may tell what went wrong; a failure to draw them is not the one to report.
      return keep.report
    }),
    TE.orElseW((error) =>
      pipe(
        TE.fromTask(remains(config, error)),
        TE.chain((rest) => TE.left(withMore(error, rest))),
      ),
    ),
    TE.map((reached): ExitCode => {
      for (const line of ending(ready, reached, (performance.now() - begun) / 1000)) terminal.print(line)
      return reached.state.step < ready.config.max_train_steps ? 130 : 0
    }),
  )
}

/**
 * Trains as a configuration says, from where it departs, and writes the run folder.
 *
 * @returns 0 when the last step is done, 130 when interrupted and saved; Left `ConfigError` before anything is written where the
 *   checkpoint does not fit the model
 * @example
 * declare const config: Config
 * const outcome = trainingRun(config, { checkpoint: undefined, notes: [] }, processTerminal)
 */
export const trainingRun = (
  config: Config,
  departure: Departure,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> => {
  const view = progressView(terminal)
  /** Steps of a run; 0 before the first. */
  let together = 0
  const interruption = listen((signal) => {
    view.close()
    const lost = signal === 'SIGHUP'
    if (lost) terminal.tell('The terminal is gone (SIGHUP).')
    terminal.tell(
      together === 0
        ? 'Stopping before the first step.'
        : `Finishing ${together === 1 ? 'this step' : 'the steps under way'} and saving${lost ? '' : '; Ctrl-C again stops at once'}.`,
    )
  })
  const task = pipe(
    openMaterials(config),
    TE.bindTo('materials'),
    TE.bind('changes', ({ materials }) => sameData(departure, materials.dataset)),
    TE.chain(({ materials, changes }) =>
      withRecipe(settled(config, materials.dataset), (recipe) =>
        withTrainingDevice(config)((on) =>
          pipe(
            prepared(config, materials, recipe, departure, on),
            TE.chain((ready) => {
              if (interruption.requested()) return TE.right<DerivaError, ExitCode>(130)
              const weights = parameterCount(ready.stepping.compiled.model)
              const trained = Object.values(ready.from.parameters).reduce((n, { data }) => n + data.length, 0)
              for (const line of headline(config, { weights, trained, from: ready.from.step }))
                terminal.tell(line)
              if (rollsOut(config))
                for (const line of rampTable(plannedSteps(settled(config, materials.dataset))))
                  terminal.tell(line)
              together = ready.stepping.together
              terminal.tell(`device: ${ready.device}${together === 1 ? '' : `; ${together} steps a run`}`)
              for (const note of [
                ...configNotes(config),
                ...(ready.data.notes ?? []),
                // Adapters leave all that the file holds as it is.
                ...(materials.graph === undefined || config.model_type === 'lora'
                  ? []
                  : weightNotes(materials.graph)),
                ...departure.notes,
                ...changes,
              ])
                terminal.tell(`Note: ${note}`)
              return pipe(
                stillDeparts(config, departure),
                TE.chain(() => run(ready, terminal, interruption, view)),
                holding(config.output_dir),
              )
            }),
          ),
        ),
      ),
    ),
  )
  return async () => {
    const outcome = await task()
    interruption.dispose()
    return outcome
  }
}
