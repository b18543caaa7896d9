import { dirname } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type ConfigError, configError, type DatasetFacts } from '../config/index.js'
import { readDatasetFacts } from '../report/dataset-file.js'
import type { DerivaError } from '../types/index.js'
import type { Departure } from './departure.js'

/** What a class is called, for messages. */
const called = (name: string | undefined): string => (name === undefined ? 'nothing' : `"${name}"`)

/** Labels are places in the list of names: where one is another's now, weights that learnt the one would go on as the other. */
const renamed = (
  from: string,
  { classNames: before }: DatasetFacts,
  { name, classNames: now = [] }: DatasetFacts,
): ConfigError | undefined => {
  if (before === undefined) return undefined
  const labels = Array.from({ length: Math.max(before.length, now.length) }, (_, label) => label)
  const label = labels.find((i) => before.at(i) !== now.at(i))
  return label === undefined
    ? undefined
    : configError([
        {
          key: 'dataset',
          value: name,
          allowed: `the classes that ${from}/dataset.json names, in their order: class ${label} is ${called(before.at(label))} there and ${called(now.at(label))} here`,
        },
      ])
}

/**
 * How the data that a run goes on with differs from what it was trained on.
 *
 * @param from the folder that the checkpoint is in
 * @returns notes, or Left `ConfigError` where labels mean other classes than before
 * @example
 * declare const before: DatasetFacts, now: DatasetFacts
 * const notes = dataNotes('runs/a', before, now)
 */
export const dataNotes = (
  from: string,
  before: DatasetFacts,
  now: DatasetFacts,
): E.Either<ConfigError, ReadonlyArray<string>> => {
  const problem = renamed(from, before, now)
  if (problem !== undefined) return E.left(problem)
  const [shapeBefore, shape] = [before, now].map(({ shape: dims }) => `[${dims.join(', ')}]`)
  return E.right([
    ...(shape === shapeBefore
      ? []
      : [`The samples of ${now.name} are ${shape}, and were ${shapeBefore} at the checkpoint.`]),
    ...(now.size === before.size
      ? []
      : [
          `${now.name} has ${now.size} samples, and had ${before.size} at the checkpoint: batches are drawn anew from them.`,
        ]),
  ])
}

/**
 * Compares a dataset with what the run knew of it that a departure goes on from.
 *
 * @returns what is to be noted; Left `ConfigError` where labels mean other classes than before
 * @example
 * declare const departure: Departure, dataset: DatasetFacts
 * const notes = sameData(departure, dataset)
 */
export const sameData = (
  { checkpoint }: Departure,
  dataset: DatasetFacts,
): TE.TaskEither<DerivaError, ReadonlyArray<string>> => {
  if (checkpoint === undefined) return TE.right([])
  const from = dirname(checkpoint.path)
  return pipe(
    readDatasetFacts(from),
    TE.chainEitherKW((before) => (before === undefined ? E.right([]) : dataNotes(from, before, dataset))),
  )
}
