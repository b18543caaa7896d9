import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom } from 'rxjs'
import { batches, type Dataset } from 'deriva/data'
import { openSession } from 'deriva/engine'
import type { Loss } from 'deriva/loss'
import { unet } from 'deriva/model'
import { flow } from 'deriva/path'
import type { Denoiser } from 'deriva/rollout'
import {
  type Arrival,
  dataset as batchesOf,
  descend,
  type Descended,
  noised,
  type Noised,
  observe,
  type Pipeline,
  training,
} from 'deriva/stream'
import { adamw, sessionDenoiser, type State, trainedModel, trainer, warmedUp } from 'deriva/train'
import type { DerivaError } from 'deriva/types'
import { side } from './images.js'

/** What all methods have in common. */
export type Setting = {
  readonly dataset: Dataset
  /** Names the initial weights, the order of the data and all noise. */
  readonly seed: number
  /** The steps of a whole training, which the ramps of methods are made for. */
  readonly steps: number
  readonly threads: number
}

/** What is done after every step. The denoiser with the averaged weights is compiled for those who want it. */
export type Watch = (
  step: number,
  averaged: TE.TaskEither<DerivaError, Denoiser<'flow_matching'>>,
) => TE.TaskEither<DerivaError, void>

/** A training that can begin: from untrained weights, as if so many steps were over, up to another step. */
export type Prepared = (
  steps: { readonly from: number; readonly to: number },
  watch: Watch,
) => TE.TaskEither<DerivaError, void>

/** From batches on the schedule to what a method trains on; N names what it brings for its loss. */
export type Stages<N extends string> = (
  ideal: Pipeline<'flow_matching', Noised>,
) => Pipeline<'flow_matching', Noised<N, Arrival<N>>>

/** Samples a step. */
export const batchSize = 64

const learningRate = 2e-3

/**
 * A model of this seed and the pipeline that trains it with a method. The learning rate is constant after its warm-up, so that a
 * shorter training is the beginning of a longer one.
 */
export const prepared = <N extends string>(
  { dataset, seed, threads }: Setting,
  loss: Loss<'flow_matching', N>,
  stages: Stages<N>,
): TE.TaskEither<DerivaError, Prepared> => {
  const model = unet({
    parameterisation: 'flow_matching',
    sample: [1, side, side],
    classes: dataset.classes,
    seed,
    width: 32,
  })
  // Weights that are part of the graph are laid out for the processor beforehand: samples come 1.6 times as fast as with weights that are fed.
  const denoiser = ({ ema }: State): TE.TaskEither<DerivaError, Denoiser<'flow_matching'>> =>
    pipe(
      openSession(trainedModel(model, ema), { threads, name: 'averaged' }),
      TE.map((session) => sessionDenoiser(session, model, {})),
    )
  return pipe(
    trainer({
      model,
      loss,
      optimizer: adamw({ learningRate: warmedUp(50, learningRate, () => learningRate) }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.995,
      threads,
    }),
    TE.map((compiled): Prepared => ({ from, to }, watch) => {
      const pipeline = pipe(
        batchesOf(batches(dataset, { batchSize, seed })),
        noised(flow()),
        stages,
        descend(compiled),
        observe(({ state }: Descended) => watch(state.step, denoiser(state))),
      )
      const started = { ...compiled.initial, step: from }
      return TE.tryCatch(
        () =>
          lastValueFrom(training(compiled, { steps: to, seed, from: started })(pipeline)).then(
            () => undefined,
          ),
        // A stream of training fails with the library's own errors.
        (failure) => failure as DerivaError,
      )
    }),
  )
}

/** Processor seconds that this process has spent: on a busy machine the clock on the wall measures the others. */
export const processorSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
