import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import { decodeSafetensors, encodeSafetensors } from 'deriva/checkpoint'
import type { Parameters } from 'deriva/train'
import type { DerivaError } from 'deriva/types'
import { assessed, distance } from './assessment.js'
import { type Classifier, openClassifier, trainedClassifier } from './classifier.js'
import { heldOut, images, type ImagesName, taken } from './images.js'
import { methods, type MethodName } from './methods.js'
import { type Assessment, Floor, Result, Timing } from './result.js'
import { keep, once } from './storage.js'
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
  /** At most so many images are trained on. */
  readonly images: number
  readonly threads: number
}

/** The classifier of a dataset: trained once, then read. */
const classifierOf = (effort: Effort, dataset: ImagesName): TE.TaskEither<DerivaError, Classifier> => {
  const path = join(effort.out, `classifier-${dataset}.safetensors`)
  const trained: TE.TaskEither<DerivaError, Parameters> = pipe(
    images(dataset, 'train'),
    TE.chainW((train) =>
      trainedClassifier(train, { steps: effort.classifierSteps, batchSize: 64, threads: effort.threads }),
    ),
    TE.chainFirst((weights) => keep(path, encodeSafetensors(weights))),
  )
  const known: TE.TaskEither<unknown, Parameters> = pipe(
    TE.tryCatch(
      () => readFile(path),
      (cause) => cause,
    ),
    TE.chainEitherKW(decodeSafetensors),
    TE.map(({ tensors }) =>
      Object.fromEntries(
        Object.entries(tensors).flatMap(([name, tensor]) =>
          tensor.type === 'float32' ? [[name, tensor]] : [],
        ),
      ),
    ),
  )
  return pipe(
    known,
    TE.orElse(() => trained),
    TE.chain((weights) => openClassifier(weights, 10, effort.threads)),
  )
}

/** How near real images come to real images. */
export const floorOf = (effort: Effort, dataset: ImagesName): TE.TaskEither<DerivaError, Floor> =>
  once(
    join(effort.out, `floor-${dataset}.json`),
    Floor,
    pipe(
      TE.Do,
      TE.apSW('classifier', classifierOf(effort, dataset)),
      TE.apSW('train', images(dataset, 'train', effort.samples)),
      TE.apSW('held', images(dataset, 'held-out')),
      TE.chainW(({ classifier, train, held }) => {
        const real = taken(held, 0, heldOut)
        return pipe(
          TE.Do,
          TE.apS('accuracy', classifier.accuracy(real.data, real.labels)),
          TE.apS('real', distance(classifier, real)(taken(train, 0, effort.samples))),
          TE.map((found): Floor => ({ dataset, ...found })),
        )
      }),
    ),
  )

/** What a step of methods costs here, teacher forcing's among them. The images do not matter for that. */
export const timingOf = (
  effort: Effort,
  names: ReadonlyArray<MethodName>,
): TE.TaskEither<DerivaError, Timing> => {
  const asked = [...new Set<MethodName>(['teacher forcing', ...names])]
  return once(
    join(effort.out, 'timing.json'),
    // What was measured for other methods has to be measured again, together with these.
    t.refinement(Timing, (timing) => asked.every((name) => Object.hasOwn(timing, name))),
    pipe(
      images('mnist', 'train'),
      TE.chainW((dataset) =>
        timed(
          Object.fromEntries(asked.map((name) => [name, methods[name]])),
          { ...effort, dataset, seed: 1 },
          effort.rounds,
        ),
      ),
    ),
  )
}

export type Run = { readonly dataset: ImagesName; readonly method: MethodName; readonly seed: number }

/** The file of a run. */
export const fileOf = ({ out }: Effort, { dataset, method, seed }: Run): string =>
  join(out, `run-${dataset}-${method.replaceAll(/[^a-z0-9]+/gi, '-')}-${seed}.json`)

/** Trains once, and assesses the averaged weights after the steps of equal time and after all. */
export const resultOf = (
  effort: Effort,
  run: Run,
  progress: (done: number) => void,
): TE.TaskEither<DerivaError, Result> =>
  once(
    fileOf(effort, run),
    Result,
    pipe(
      TE.Do,
      TE.apS('timing', timingOf(effort, [run.method])),
      TE.apSW('classifier', classifierOf(effort, run.dataset)),
      TE.apSW('train', images(run.dataset, 'train', effort.images)),
      TE.apSW('held', images(run.dataset, 'held-out')),
      TE.bindW('training', ({ train }) =>
        methods[run.method].prepared({ ...effort, dataset: train, seed: run.seed }),
      ),
      TE.chainW(({ timing, classifier, held, training }) => {
        const budget = whole(timing['teacher forcing'], effort.steps)
        const most = affordable(timing[run.method], effort.steps, budget)
        // Timings repeat to about 2 %: a method without evaluations of its own costs what teacher forcing does.
        const equalTime = most > 0.98 * effort.steps ? effort.steps : most
        const stops = effort.equal.map((what) => (what === 'time' ? equalTime : effort.steps))
        const assess = assessed(classifier, taken(held, 0, heldOut), effort.solverSteps, effort.samples)
        const assessments: Record<string, Assessment> = {}
        const started = processorSeconds()
        let assessing = 0
        return pipe(
          training({ from: 0, to: Math.max(...stops) }, (step, denoiser) => {
            progress(step / effort.steps)
            if (!stops.includes(step)) return TE.right(undefined)
            const before = processorSeconds()
            return pipe(
              assess(methods[run.method].sampled?.(denoiser) ?? denoiser),
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
            seconds: processorSeconds() - started - assessing,
            assessments,
          })),
        )
      }),
    ),
  )
