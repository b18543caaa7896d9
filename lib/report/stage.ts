import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { observe, type Pipeline, type Stepped } from '../stream/index.js'
import type { DerivaError, Parameterisation } from '../types/index.js'
import { appendMetrics, rewindMetrics, writeReport } from './run-folder.js'

/** A stage that passes on what it sees, whatever else flows beside the metrics. */
export type Recording = <P extends Parameterisation, A extends Pick<Stepped, 'metrics'>>(
  upstream: Pipeline<P, A>,
) => Pipeline<P, A>

/**
 * Writes every step to metrics.jsonl in the run folder. At a step that does not follow the last one that it saw, such as the first, it
 * leaves out what the file says of this step and of later ones, so that a run that starts again, or goes on from a checkpoint, has every
 * step once.
 *
 * @param outputDir is made if it does not exist
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching'>
 * const pipeline = pipe(dataset(source), noised(flow()), descend(compiled), record('runs/a'))
 */
export const record = (outputDir: string): Recording => {
  let last: number | undefined
  const write = ({ metrics }: Pick<Stepped, 'metrics'>): TE.TaskEither<DerivaError, void> => {
    const before = metrics.step - 1
    const follows = last === before
    last = metrics.step
    return pipe(
      follows ? TE.right('') : rewindMetrics(outputDir, before),
      TE.chain(() => appendMetrics(outputDir, metrics)),
    )
  }
  return observe(write)
}

/**
 * Writes every step to metrics.jsonl in the run folder, and report.html every so many steps.
 *
 * @param outputDir is made if it does not exist
 * @param every steps between reports; a multiple of it is a good number of steps to train
 * @example
 * declare const source: Source, compiled: Trainer<'flow_matching'>
 * const pipeline = pipe(dataset(source), noised(flow()), descend(compiled), report('runs/a'))
 */
export const report = (outputDir: string, { every = 100 }: { readonly every?: number } = {}): Recording => {
  const recorded = record(outputDir)
  const write = ({ metrics: { step } }: Pick<Stepped, 'metrics'>): TE.TaskEither<DerivaError, void> =>
    step % every === 0
      ? pipe(
          writeReport(outputDir),
          TE.map(() => undefined),
        )
      : TE.right(undefined)
  return (upstream) => pipe(recorded(upstream), observe(write))
}
