import { access, constants, readdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  type Checkpoint,
  checkpoints,
  latestCheckpoint,
  loadCheckpoint,
  onDisk,
  orIfMissing,
} from '../checkpoint/index.js'
import { type Config, configError, optionRowsOf } from '../config/index.js'
import type { DerivaError, ErrorOf } from '../types/index.js'
import { unheld } from './run-lock.js'

type ConfigError = ErrorOf<'ConfigError'>

/** Where training begins: at a checkpoint, or at the start. */
export type Departure = { readonly checkpoint: Checkpoint | undefined; readonly notes: ReadonlyArray<string> }

const refuse = (key: string, value: unknown, allowed: string): ConfigError =>
  configError([{ key, value, allowed }])

/** The path itself, or what there is above it. */
const present = async (path: string): Promise<string> =>
  (await orIfMissing(stat(path), undefined)) !== undefined || dirname(path) === path
    ? path
    : present(dirname(path))

/** What is in the folder of a run; refused where none can be written there, or another process does, before anything is computed. */
const contentsOf = (outputDir: string): TE.TaskEither<DerivaError, ReadonlyArray<string>> =>
  pipe(
    onDisk(outputDir, async () => {
      await access(await present(resolve(outputDir)), constants.W_OK)
      return await orIfMissing(readdir(outputDir), [])
    }),
    TE.mapLeft(({ message }) =>
      refuse('output_dir', outputDir, `a folder that can be written to (${message})`),
    ),
    TE.chainFirstW(() => unheld(outputDir)),
  )

const isRun = (names: ReadonlyArray<string>): boolean =>
  names.some((name) => name === 'config.json' || name === 'metrics.jsonl' || name.startsWith('checkpoint-'))

/** Options that a checkpoint and its continuation have to share: a model that learnt one thing cannot go on with another. */
const lasting = ['prediction_type', 'dataset', 'beta_schedule'] as const

const flat = (config: Readonly<Record<string, unknown>>): ReadonlyMap<string, string> => {
  const { model, ...rest } = config
  const entries = Object.entries(typeof model === 'object' && model !== null ? model : {})
  return new Map(
    [...Object.entries(rest), ...entries.map(([key, value]) => [`model.${key}`, value] as const)].map(
      ([key, value]) => [key, JSON.stringify(value)],
    ),
  )
}

/** Whether an option has a say in what is trained, rather than in how long, where to, and what is shown. */
const trains = (key: string): boolean =>
  !['output_dir', 'resume_from_checkpoint'].includes(key) &&
  optionRowsOf(key).some(({ row }) => row.group !== 'Validation' && row.group !== 'Checkpoints')

const compare = (config: Config, checkpoint: Checkpoint): E.Either<ConfigError, Departure> => {
  const [before, after] = [flat(checkpoint.meta.config), flat(config)]
  const problems = lasting
    .filter((key) => before.has(key) && before.get(key) !== after.get(key))
    .map((key) => ({
      key,
      value: config[key],
      allowed: `${before.get(key) ?? ''}, as in ${checkpoint.path}, which this run goes on from`,
    }))
  const { step } = checkpoint.state
  const short =
    config.max_train_steps < step
      ? [
          {
            key: 'max_train_steps',
            value: config.max_train_steps,
            allowed: `from ${step}, the step that ${checkpoint.path} is of; a shorter run begins again in another output_dir`,
          },
        ]
      : []
  if (problems.length + short.length > 0) return E.left(configError([...problems, ...short]))
  const changed = [...after].filter(
    ([key, value]) => trains(key) && before.has(key) && before.get(key) !== value,
  )
  return E.right({
    checkpoint,
    notes:
      changed.length === 0
        ? []
        : [
            `Going on with other options than the checkpoint was made with: ${changed
              .map(([key, value]) => `${key} ${before.get(key) ?? ''} → ${value}`)
              .join(', ')}.`,
          ],
  })
}

/** What can be done without the newest checkpoint of a run. */
const without = ({ output_dir: outputDir }: Config, path: string): T.Task<string> =>
  pipe(
    checkpoints(outputDir),
    TE.match(
      () => '',
      (paths) => {
        if (!paths.some((one) => resolve(one) === resolve(path))) return ''
        const before = paths.at(-2)
        const then = before === undefined ? 'begin again' : `go on from ${before}`
        return `. Move it out of ${outputDir} to ${then}: --resume_from_checkpoint latest`
      },
    ),
  )

const load = (config: Config, path: string): TE.TaskEither<ConfigError, Departure> =>
  pipe(
    loadCheckpoint(path),
    TE.orElseW(({ message }) =>
      pipe(
        TE.fromTask(without(config, path)),
        TE.chain((wayOut) =>
          TE.left(refuse('resume_from_checkpoint', path, `a complete checkpoint (${message})${wayOut}`)),
        ),
      ),
    ),
    TE.chainEitherK((checkpoint) => compare(config, checkpoint)),
  )

/** Going on from anything but the newest checkpoint of the same folder would leave two histories in it. */
const onlyNewest = (config: Config, path: string): TE.TaskEither<DerivaError, string> =>
  pipe(
    TE.Do,
    TE.bind('newest', () => latestCheckpoint(config.output_dir)),
    TE.bindW('names', () => contentsOf(config.output_dir)),
    TE.chainEitherK(({ newest, names }): E.Either<DerivaError, string> => {
      if (resolve(dirname(path)) === resolve(config.output_dir))
        return newest === undefined || resolve(newest) === resolve(path)
          ? E.right(path)
          : E.left(
              refuse(
                'resume_from_checkpoint',
                path,
                `${newest}, the newest of output_dir; to branch off from an earlier one choose another output_dir`,
              ),
            )
      return isRun(names)
        ? E.left(
            refuse(
              'output_dir',
              config.output_dir,
              'a folder that holds no run, to go on in from another run',
            ),
          )
        : E.right(path)
    }),
  )

/**
 * Sees to it that no other process has trained in the folder since a departure was found there.
 *
 * @returns Left `ConfigError` where one has
 * @example
 * declare const config: Config, departure: Departure
 * const still = stillDeparts(config, departure)
 */
export const stillDeparts = (
  { output_dir: outputDir }: Config,
  { checkpoint }: Departure,
): TE.TaskEither<DerivaError, void> =>
  pipe(
    latestCheckpoint(outputDir),
    TE.chainEitherKW((newest) =>
      // A departure from another folder found this one empty.
      newest === undefined || (checkpoint !== undefined && resolve(newest) === resolve(checkpoint.path))
        ? E.right(undefined)
        : E.left(
            refuse(
              'output_dir',
              outputDir,
              `a folder that nobody else trains in; ${newest} has come to it meanwhile`,
            ),
          ),
    ),
  )

/**
 * Finds and reads the checkpoint that a configuration wants to go on from, and sees to it that no earlier run is overwritten.
 *
 * @returns Left `ConfigError` where the checkpoint is missing, damaged or of another kind of run, or where `output_dir` holds a
 *   run that would be overwritten
 * @example
 * declare const config: Config
 * const departure = departureOf(config)
 */
export const departureOf = (config: Config): TE.TaskEither<DerivaError, Departure> => {
  const { output_dir: outputDir, resume_from_checkpoint: from } = config
  const afresh: Departure = { checkpoint: undefined, notes: [] }
  if (from === 'latest')
    return pipe(
      contentsOf(outputDir),
      TE.chainW(() => latestCheckpoint(outputDir)),
      TE.chainW((path) => (path === undefined ? TE.right(afresh) : load(config, path))),
    )
  if (from !== null)
    return pipe(
      onlyNewest(config, from),
      TE.chainW((path) => load(config, path)),
    )
  return pipe(
    contentsOf(outputDir),
    TE.chainEitherK((names) =>
      isRun(names)
        ? E.left(
            refuse(
              'output_dir',
              outputDir,
              'a folder that holds no run yet; or go on with this one: --resume_from_checkpoint latest',
            ),
          )
        : E.right(afresh),
    ),
  )
}
