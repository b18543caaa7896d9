import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { onDisk } from '../checkpoint/index.js'
import { configError, datasetFacts } from '../config/index.js'
import { openSession } from '../engine/index.js'
import { solverOf } from '../solver/index.js'
import { sessionDenoiser } from '../train/index.js'
import type { DerivaError } from '../types/index.js'
import { drawing } from './grid.js'
import type { ExitCode } from './outcome.js'
import { samplingOf } from './recipe/index.js'
import { readRun } from './run-model.js'
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

/**
 * `deriva sample`: draws samples with a run's averaged model, into one PNG picture.
 *
 * @param folder the folder of the run
 * @returns 0 when the picture is written
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
    TE.chain(({ run: { config, model }, solver, out }) => {
      const { shape, classes } = datasetFacts[config.dataset]
      const { label, columns } = options
      if (label !== undefined && label >= classes)
        return TE.left(refuse('--label', label, `a class of ${config.dataset}: 0 to ${classes - 1}`))
      const guidance = options.guidance ?? config.validation_guidance
      if (guidance !== 1 && config.caption_dropout_probability === 0)
        return TE.left(refuse('--guidance', guidance, '1: the model was never trained without classes'))
      const count = options.num ?? 64
      const begun = performance.now()
      return pipe(
        openSession(model, { name: 'model.onnx' }),
        TE.chain((session) =>
          drawing(sessionDenoiser(session, { parameterisation: config.prediction_type, sample: shape }, {}), {
            ...samplingOf(config, options.steps ?? config.validation_num_inference_steps),
            solver,
            shape,
            classes,
            count,
            guidance,
            seed: options.seed ?? config.validation_seed,
            ...(label === undefined ? {} : { label }),
            ...(columns === undefined ? {} : { columns }),
          }),
        ),
        TE.chainW((png) =>
          onDisk(out, async () => {
            await mkdir(dirname(out), { recursive: true })
            await writeFile(out, png)
          }),
        ),
        TE.map((): ExitCode => {
          terminal.print(`${out}: ${count} samples in ${((performance.now() - begun) / 1000).toFixed(1)} s`)
          return 0
        }),
      )
    }),
  )
