import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as J from 'fp-ts/lib/Json.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { Parameters, State } from '../train/index.js'
import type { TensorOf } from '../types/index.js'
import { type CheckpointError, checkpointError, onDisk } from './disk.js'
import { checkpointName, checkpoints, writeFolder } from './folder.js'
import { readSafetensors } from './read-safetensors.js'
import { safetensorsPieces } from './safetensors.js'

/** What a checkpoint remembers beside the state: enough to know which run it belongs to. */
export type CheckpointMeta = {
  readonly seed: number
  /** The resolved configuration of the run. */
  readonly config: Readonly<Record<string, unknown>>
}

export type Checkpoint = { readonly state: State; readonly meta: CheckpointMeta; readonly path: string }

const Natural = t.refinement(t.number, (n) => Number.isSafeInteger(n) && n >= 0, 'a natural number')

/** state.json */
const StateFile = t.strict({
  format: t.literal(1),
  step: Natural,
  seed: Natural,
  /** The optimizer's slots; their tensors are in optimizer.safetensors as `slot/parameter`. */
  slots: t.array(t.string),
  /** Every other file, with its SHA-256 in hexadecimal. */
  files: t.record(t.string, t.string),
  config: t.UnknownRecord,
})
type StateFile = t.TypeOf<typeof StateFile>

const modelFile = 'model.safetensors'
const emaFile = 'ema.safetensors'
const optimizerFile = 'optimizer.safetensors'

/**
 * Saves a checkpoint, whole or not at all, as `checkpoint-<step>` in the run folder: model.safetensors, ema.safetensors (where an
 * average is kept), optimizer.safetensors and state.json. The files are what any safetensors reader takes.
 *
 * @returns the path of the checkpoint
 * @example
 * declare const state: State
 * const saved = saveCheckpoint('runs/a', state, { seed: 42, config: {} })
 */
export const saveCheckpoint = (
  outputDir: string,
  state: State,
  { seed, config }: CheckpointMeta,
): TE.TaskEither<CheckpointError, string> => {
  const slots = Object.entries(state.slots).flatMap(([slot, parameters]) =>
    Object.entries(parameters).map(([name, tensor]) => [`${slot}/${name}`, tensor] as const),
  )
  const metadata = { format: 'pt', step: String(state.step) }
  const textOf = (files: Readonly<Record<string, string>>): string => {
    const stateFile: StateFile = {
      format: 1,
      step: state.step,
      seed,
      slots: Object.keys(state.slots),
      files,
      config,
    }
    return `${JSON.stringify(StateFile.encode(stateFile), null, 2)}\n`
  }
  return writeFolder(
    outputDir,
    checkpointName(state.step),
    {
      [modelFile]: safetensorsPieces(state.parameters, metadata),
      // Without an average both are the same value: writing it twice would say otherwise.
      ...(state.ema === state.parameters ? {} : { [emaFile]: safetensorsPieces(state.ema, metadata) }),
      [optimizerFile]: safetensorsPieces(Object.fromEntries(slots), metadata),
    },
    'state.json',
    textOf,
  )
}

const readStateFile = (path: string): TE.TaskEither<CheckpointError, StateFile> =>
  pipe(
    onDisk(path, () => readFile(path, 'utf8')),
    TE.chainEitherK((text) =>
      pipe(
        J.parse(text),
        E.mapLeft(() => checkpointError(path, 'not JSON: cut off, or not a checkpoint')),
      ),
    ),
    TE.chainEitherK((json) =>
      pipe(
        StateFile.decode(json),
        E.mapLeft((errors) => {
          const keys = [
            ...new Set(
              errors.map(({ context }) =>
                context
                  .map(({ key }) => key)
                  .filter(Boolean)
                  .join('.'),
              ),
            ),
          ]
          return checkpointError(
            path,
            `not the state of a checkpoint that this version reads; wrong or missing: ${keys.join(', ')}`,
          )
        }),
      ),
    ),
  )

const readParameters = (path: string, expected: string): TE.TaskEither<CheckpointError, Parameters> =>
  pipe(
    onDisk(path, () => readSafetensors(path)),
    TE.chainEitherK(E.mapLeft((message) => checkpointError(path, message))),
    TE.chainEitherK(({ tensors, digest }) => {
      if (digest !== expected)
        return E.left(
          checkpointError(
            path,
            'its bytes are not those that were saved (the SHA-256 in state.json differs)',
          ),
        )
      const named = Object.entries(tensors)
      const floats = named.filter(
        (entry): entry is [string, TensorOf<'float32'>] => entry[1].type === 'float32',
      )
      return floats.length === named.length
        ? E.right(Object.fromEntries(floats))
        : E.left(checkpointError(path, 'it holds tensors other than float32'))
    }),
  )

const slotOf = (all: Parameters, slot: string): Parameters =>
  Object.fromEntries(
    Object.entries(all).flatMap(([name, tensor]) =>
      name.startsWith(`${slot}/`) ? [[name.slice(slot.length + 1), tensor] as const] : [],
    ),
  )

/**
 * Reads a checkpoint back, bit for bit, and checks every byte of it.
 *
 * @param path the folder of the checkpoint
 * @returns Left `CheckpointError` naming the file that is missing, cut off, changed, or not understood
 * @example
 * const checkpoint = loadCheckpoint('runs/a/checkpoint-000500')
 */
export const loadCheckpoint = (path: string): TE.TaskEither<CheckpointError, Checkpoint> =>
  pipe(
    readStateFile(join(path, 'state.json')),
    TE.bindTo('stateFile'),
    TE.bind('parameters', ({ stateFile: { files } }) =>
      readParameters(join(path, modelFile), files[modelFile]),
    ),
    TE.bind('ema', ({ stateFile: { files }, parameters }) =>
      emaFile in files ? readParameters(join(path, emaFile), files[emaFile]) : TE.right(parameters),
    ),
    TE.bind('optimizer', ({ stateFile: { files } }) =>
      readParameters(join(path, optimizerFile), files[optimizerFile]),
    ),
    TE.map(({ stateFile: { step, seed, slots, config }, parameters, ema, optimizer }) => ({
      path,
      meta: { seed, config },
      state: {
        step,
        parameters,
        ema,
        slots: Object.fromEntries(slots.map((slot) => [slot, slotOf(optimizer, slot)])),
      },
    })),
  )

/**
 * The newest checkpoint of a run folder, if it has any.
 *
 * @example
 * const path = latestCheckpoint('runs/a')
 */
export const latestCheckpoint = (outputDir: string): TE.TaskEither<CheckpointError, string | undefined> =>
  pipe(
    checkpoints(outputDir),
    TE.map((paths) => paths.at(-1)),
  )
