import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { DerivaError } from 'deriva/types'
import { assessed, comparison } from './assessment.js'
import { type Classifier, openClassifier, trainedClassifier } from './classifier.js'
import { datasetOf, type ImageSet, imageSets, imagesOf, some, type Source } from './images.js'
import { methods, type MethodName } from './methods.js'
import { type Assessment, Floor, Result, Timing } from './result.js'
import { kept, once, onceTensors } from './storage.js'
import { affordable, timed, whole } from './timing.js'
import { processorSeconds } from './training.js'

/** How much is done. */
export type Effort = {
  /** Where everything is kept. */
  readonly out: string
  /** Steps of a whole training. */
  readonly steps: number
  /** Images that are generated at every number of solver steps. */
  readonly samples: number
  readonly solverSteps: ReadonlyArray<number>
  /** What methods are compared at: the time of a whole training by teacher forcing, or its steps. */
  readonly equal: ReadonlyArray<'time' | 'steps'>
  /** Rounds of the timing. */
  readonly rounds: number
  readonly classifierSteps: number
  readonly threads: number
}

/** The classifier of a source: trained once, then read. */
const classifierOf = (
  { out, classifierSteps: steps, threads }: Effort,
  source: Source,
): TE.TaskEither<DerivaError, Classifier> =>
  pipe(
    onceTensors(
      join(out, `classifier-${source}.safetensors`),
      [],
      pipe(
        imagesOf(out, source),
        TE.chain(({ train }) =>
          trainedClassifier(datasetOf(source, train), { steps, batchSize: 64, threads }),
        ),
      ),
    ),
    TE.chain((weights) => openClassifier(weights, 10, threads)),
  )

const floorPath = ({ out }: Effort, source: Source): string => join(out, `floor-${source}.json`)

/** How near real images come to real images. With it the images and the classifier are there. */
export const floorOf = (effort: Effort, source: Source): TE.TaskEither<DerivaError, Floor> =>
  once(
    floorPath(effort, source),
    Floor,
    pipe(
      TE.Do,
      TE.bind('images', () => imagesOf(effort.out, source)),
      TE.bind('classifier', () => classifierOf(effort, source)),
      TE.bind('recognised', ({ classifier, images: { held } }) => classifier(held)),
      TE.bind('compared', ({ classifier, images: { held } }) => comparison(classifier, held)),
      TE.bind('real', ({ compared, images: { train } }) => compared(some(train, 0, effort.samples))),
      TE.map(({ recognised: { accuracy }, real }) => ({ accuracy, real })),
    ),
  )

const timingPath = ({ out }: Effort): string => join(out, 'timing.json')

/** What a step of methods costs here, teacher forcing's among them. The images do not matter for that. */
export const timingOf = (
  effort: Effort,
  names: ReadonlyArray<MethodName>,
): TE.TaskEither<DerivaError, Timing> => {
  const asked = [...new Set<MethodName>(['teacher forcing', ...names])]
  return once(
    timingPath(effort),
    // What was measured for other methods has to be measured again, together with these.
    t.refinement(Timing, (timing) => asked.every((name) => Object.hasOwn(timing, name))),
    pipe(
      imagesOf(effort.out, 'mnist'),
      TE.chain(({ train }) =>
        timed(
          Object.fromEntries(asked.map((name) => [name, methods[name]])),
          { ...effort, dataset: datasetOf('mnist', train), seed: 1 },
          effort.rounds,
        ),
      ),
    ),
  )
}

export type Run = { readonly dataset: ImageSet; readonly method: MethodName; readonly seed: number }

const runPath = ({ out }: Effort, { dataset, method, seed }: Run): string =>
  join(out, `run-${dataset}-${method.replaceAll(/[^a-z0-9]+/gi, '-')}-${seed}.json`)

/** The result of a run, if it was done with this effort. */
const resultWith = ({ steps, samples, solverSteps, equal }: Effort): t.Decoder<unknown, Result> =>
  t.refinement(
    Result,
    (result) =>
      result.equalSteps === steps &&
      result.samples === samples &&
      equal.every((what) => {
        const stop = String(what === 'time' ? result.equalTime : steps)
        return (
          Object.hasOwn(result.assessments, stop) &&
          solverSteps.every((n) => Object.hasOwn(result.assessments[stop].distances, n))
        )
      }),
  )

/** The result of a run that is over; else undefined. */
export const finished = (effort: Effort, run: Run): TE.TaskEither<DerivaError, Result | undefined> =>
  kept(resultWith(effort))(runPath(effort, run))

/** What a floor and the timing are, where they have been made. */
export const finishedFloor = (
  effort: Effort,
  source: Source,
): TE.TaskEither<DerivaError, Floor | undefined> => kept(Floor)(floorPath(effort, source))
export const finishedTiming = (effort: Effort): TE.TaskEither<DerivaError, Timing | undefined> =>
  kept(Timing)(timingPath(effort))

/** Trains once, and assesses the averaged weights after the steps of equal time and after all. */
export const resultOf = (
  effort: Effort,
  run: Run,
  progress: (done: number) => void,
): TE.TaskEither<DerivaError, Result> => {
  const { source, size } = imageSets[run.dataset]
  return once(
    runPath(effort, run),
    resultWith(effort),
    pipe(
      TE.Do,
      TE.bind('timing', () => timingOf(effort, [run.method])),
      TE.bind('images', () => imagesOf(effort.out, source)),
      TE.bind('classifier', () => classifierOf(effort, source)),
      TE.bind('compared', ({ classifier, images: { held } }) => comparison(classifier, held)),
      TE.bind('training', ({ images: { train } }) =>
        methods[run.method].prepared({
          ...effort,
          dataset: datasetOf(run.dataset, some(train, 0, size)),
          seed: run.seed,
        }),
      ),
      TE.chain(({ timing, compared, images: { held }, training }) => {
        const budget = whole(timing['teacher forcing'], effort.steps)
        const most = affordable(timing[run.method], effort.steps, budget)
        // Timings repeat to about 2 %: a method without evaluations of its own costs what teacher forcing does.
        const equalTime = most > 0.98 * effort.steps ? effort.steps : most
        const stops = effort.equal.map((what) => (what === 'time' ? equalTime : effort.steps))
        const assess = assessed(compared, held, effort.solverSteps, effort.samples)
        const assessments: Record<string, Assessment> = {}
        const started = processorSeconds()
        let assessing = 0
        return pipe(
          training({ from: 0, to: Math.max(...stops) }, (step, averaged) => {
            progress(step / effort.steps)
            if (!stops.includes(step)) return TE.right(undefined)
            const before = processorSeconds()
            return pipe(
              averaged,
              TE.chain((denoiser) => assess(methods[run.method].sampled?.(denoiser) ?? denoiser)),
              TE.map((assessment) => {
                assessments[String(step)] = assessment
                assessing += processorSeconds() - before
              }),
            )
          }),
          TE.map((): Result => ({
            ...run,
            equalTime,
            equalSteps: effort.steps,
            samples: effort.samples,
            seconds: processorSeconds() - started - assessing,
            assessments,
          })),
        )
      }),
    ),
  )
}
