import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encodeSafetensors, onDisk } from '../checkpoint/index.js'
import { configError, knowsNothingGiven } from '../config/index.js'
import { openDataset } from '../data/index.js'
import { solverOf } from '../solver/index.js'
import { type DerivaError, float32 } from '../types/index.js'
import { classConditions, type Conditions, datasetConditions, fileConditions } from './conditions.js'
import { type DeviceEngine, withDevice } from './device-engine.js'
import { counted, type EvaluationProgress, evaluationText } from './evaluation-progress.js'
import { drawingEvaluations, type DrawingOptions, drawn, pictured } from './grid.js'
import { lastWords } from './interruption.js'
import type { ExitCode } from './outcome.js'
import { viewOf } from './progress-bar.js'
import { samplingOf } from './recipe/index.js'
import { readRun, runDenoiser, type RunModel } from './run-model.js'
import type { SampleOptions } from './sample-options.js'
import type { Terminal } from './terminal.js'

const refuse = (key: string, value: unknown, allowed: string): DerivaError =>
  configError([{ key, value, allowed }])

const isFolder =
  (path: string): TE.TaskEither<never, boolean> =>
  () =>
    stat(path).then(
      (found) => E.right(found.isDirectory()),
      () => E.right(false),
    )

const isTensorFile = (path: string): boolean => /\.safetensors$/i.test(path)

/** What to draw: classes, the rows of a file, or those of the samples that the run was trained on. */
const conditionsOf = (
  { config, dataset }: RunModel,
  { num: count = 64, label, conditioning }: SampleOptions,
): TE.TaskEither<DerivaError, Conditions> => {
  if (label !== undefined && label >= dataset.classes)
    return TE.left(
      refuse(
        '--label',
        label,
        dataset.classes === 0
          ? `nothing: the samples of ${dataset.name} have no classes`
          : `a class of ${dataset.name}: 0 to ${dataset.classes - 1}`,
      ),
    )
  if (conditioning !== undefined)
    return pipe(
      fileConditions(conditioning, count),
      TE.chainEitherKW((conditions) => fittingConditions(conditions, dataset, conditioning)),
    )
  const classes = classConditions(dataset, count, label)
  return classes !== undefined
    ? TE.right(classes)
    : pipe(
        openDataset(config),
        TE.chainW((opened) => datasetConditions(opened, count, label)),
      )
}

/** A model reads all that it was trained with, in rows of the same kind. */
const fittingConditions = (
  conditions: Conditions,
  { conditioning }: RunModel['dataset'],
  path: string,
): E.Either<DerivaError, Conditions> => {
  const problems = Object.entries(conditioning).flatMap(([name, { type, dims }]) => {
    const given = Object.hasOwn(conditions.given, name) ? conditions.given[name] : undefined
    return given?.type === type && given.dims.slice(1).join() === dims.join()
      ? []
      : [
          `an array "${name}" with rows ${type}[${dims.join(', ')}]${given === undefined ? '' : `; its are ${given.type}[${given.dims.slice(1).join(', ')}]`}`,
        ]
  })
  return problems.length === 0
    ? E.right(conditions)
    : E.left(refuse('--conditioning', path, `a file that has ${problems.join(', and ')}`))
}

type Drawn = { readonly samples: Float32Array; readonly seconds: number }

/** Draws with a run's model on a device, while a person can watch, and can stop it. */
const samplesOn = (
  { engine, reason }: DeviceEngine,
  run: RunModel,
  drawing: DrawingOptions,
  terminal: Terminal,
): TE.TaskEither<DerivaError, Drawn> => {
  const view = viewOf<EvaluationProgress>(terminal, evaluationText)
  terminal.tell(`device: ${reason}`)
  const dispose = lastWords(() => {
    view.close()
    terminal.tell('Stopped; nothing was written.')
  })
  const begun = performance.now()
  const task = pipe(
    runDenoiser(run, engine),
    TE.chainW((denoiser) =>
      drawn(counted(denoiser, drawingEvaluations(denoiser.parameterisation, drawing), view.show), drawing),
    ),
    TE.map((samples): Drawn => ({ samples, seconds: (performance.now() - begun) / 1000 })),
  )
  return async () => {
    const outcome = await task()
    view.close()
    dispose()
    return outcome
  }
}

/**
 * `deriva sample`: draws samples with a run's averaged model, into one PNG picture, or as arrays into a .safetensors file.
 *
 * @param folder the folder of the run
 * @returns 0 when the file is written
 * @example
 * const outcome = sampleCommand('runs/mnist', { num: 64, out: 'grid.png' }, processTerminal)
 */
export const sampleCommand = (
  folder: string,
  options: SampleOptions,
  terminal: Terminal,
): TE.TaskEither<DerivaError, ExitCode> =>
  pipe(
    readRun(folder),
    TE.bindTo('run'),
    TE.bindW('solver', ({ run: { config } }) =>
      TE.fromEither(solverOf(options.solver ?? config.validation_sampler, { order: options.order ?? 2 })),
    ),
    TE.bindW('out', () => {
      const { out = 'samples.png' } = options
      return pipe(
        isFolder(out),
        TE.chain((folderThere) =>
          folderThere ? TE.left(refuse('--out', out, 'the path of a file; this is a folder')) : TE.right(out),
        ),
      )
    }),
    TE.bind('conditions', ({ run }) => conditionsOf(run, options)),
    TE.chain(({ run, solver, out, conditions }) => {
      const { config, dataset } = run
      const guidance = options.guidance ?? config.validation_guidance
      if (guidance !== 1 && !knowsNothingGiven(config))
        return TE.left(
          refuse('--guidance', guidance, '1: the model was never trained without what it is conditioned on'),
        )
      const { shape, classes } = dataset
      const count = options.num ?? 64
      const drawing = {
        ...samplingOf(config, options.steps ?? config.validation_num_inference_steps),
        solver,
        shape,
        classes,
        count,
        conditions,
        guidance,
        seed: options.seed ?? config.validation_seed,
      }
      return pipe(
        withDevice('--device', options.device ?? 'auto')((on) => samplesOn(on, run, drawing, terminal)),
        TE.chainW(({ samples, seconds }) =>
          pipe(
            onDisk(out, async () => {
              await mkdir(dirname(out), { recursive: true })
              await writeFile(
                out,
                isTensorFile(out)
                  ? encodeSafetensors({ latents: float32([count, ...shape], samples), ...conditions.given })
                  : await pictured(dataset, samples, options.columns)(),
              )
            }),
            TE.map((): ExitCode => {
              terminal.print(`${out}: ${count} samples in ${seconds.toFixed(1)} s`)
              return 0
            }),
          ),
        ),
      )
    }),
  )
