import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { checkpoints, stepOf } from '../checkpoint/index.js'
import type { Config } from '../config/index.js'
import type { DerivaError } from '../types/index.js'

/**
 * The command that goes on with a run.
 *
 * @example
 * const text = goOn('runs/a') // 'Go on with: deriva train runs/a/config.json --resume_from_checkpoint latest'
 */
export const goOn = (outputDir: string): string =>
  `Go on with: deriva train ${outputDir}/config.json --resume_from_checkpoint latest`

/** After steps that led to no number: they would lead there again, and a checkpoint at the very step that failed is no way out. */
const otherwise = (
  { output_dir: outputDir, learning_rate: rate }: Config,
  paths: ReadonlyArray<string>,
  failed: number,
): string => {
  const [newest, before] = [paths.at(-1), paths.filter((path) => (stepOf(path) ?? failed) < failed).at(-1)]
  if (newest === undefined) return ''
  const again = `--output_dir ${outputDir.replace(/[\\/]+$/, '')}-again`
  const others = (what: string, from: string): string =>
    `\n${what}: deriva train ${outputDir}/config.json ${from} --learning_rate ${rate / 2}`
  if (before === undefined)
    return others(`${newest} holds the weights that failed. Begin again, with other steps`, again)
  // Within a folder only the newest can be gone on from.
  const from = before === newest ? 'latest' : `${before} ${again}`
  return others(
    `${before} is complete, and the same steps would fail again. Go on with others`,
    `--resume_from_checkpoint ${from}`,
  )
}

/**
 * What is left of a run that failed, and how to go on from there: a line of its own, or nothing where nothing is left.
 *
 * @example
 * declare const config: Config, error: DerivaError
 * const text = remains(config, error)
 */
export const remains = (config: Config, error: DerivaError): T.Task<string> =>
  pipe(
    checkpoints(config.output_dir),
    TE.match(
      () => '',
      (paths) => {
        if (error._tag === 'TrainingError') return otherwise(config, paths, error.step)
        const newest = paths.at(-1)
        return newest === undefined ? '' : `\n${newest} is complete. ${goOn(config.output_dir)}`
      },
    ),
  )
