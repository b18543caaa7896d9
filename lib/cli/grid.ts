import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { encodePng, sampleGrid } from '../report/index.js'
import { type Denoiser, guided, guidedEvaluations, sample } from '../rollout/index.js'
import { type Grid, program, type Solver } from '../solver/index.js'
import { type ErrorOf, type Parameterisation, size } from '../types/index.js'
import type { Conditions } from './conditions.js'
import { tiled } from './tiles.js'

export type DrawingOptions = {
  readonly path: Path
  readonly solver: Solver
  readonly grid: Grid
  /** Of one sample. */
  readonly shape: ReadonlyArray<number>
  /** 0 where there are none. */
  readonly classes: number
  /** How many samples. */
  readonly count: number
  readonly conditions: Conditions
  readonly guidance: number
  readonly seed: number
}

/** Without anything to condition on there is nothing to be guided towards. */
const scaleOf = ({
  conditions: { given },
  guidance,
}: Pick<DrawingOptions, 'conditions' | 'guidance'>): number =>
  Object.keys(given).length === 0 ? 1 : guidance

/**
 * The sample evaluations that drawing takes.
 *
 * @example
 * declare const options: DrawingOptions
 * const evaluations = drawingEvaluations('flow_matching', options)
 */
export const drawingEvaluations = (parameterisation: Parameterisation, options: DrawingOptions): number => {
  const { path, solver, grid, count } = options
  const { evaluations } = program(solver, path, parameterisation, grid)
  return count * evaluations.length * guidedEvaluations(scaleOf(options))
}

/** A row for each round of the classes where that comes out even, else a square. */
const columnsOf = (count: number, classes: number): number =>
  classes > 0 && count % classes === 0 ? classes : Math.ceil(Math.sqrt(count))

/**
 * Draws samples from noise.
 *
 * @returns [count, …shape]
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const samples = drawn(denoiser, {
 *   path: flow(), solver: unipc({ order: 2 }), grid: trailing(flow(), 20), shape: [1, 28, 28], classes: 0, count: 40,
 *   conditions: { given: {}, empty: {} }, guidance: 1, seed: 1,
 * })
 */
export const drawn = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  options: DrawingOptions,
): TE.TaskEither<ErrorOf<'EngineError'>, Float32Array> => {
  const { path, solver, grid, shape, count, conditions, seed } = options
  const { given, empty } = conditions
  const towards = guided(denoiser, { scale: scaleOf(options), empty })
  return pipe(
    sample(towards, { path, solver, grid, count, elements: size(shape), conditioning: given, seed }),
    TE.map(({ latents }) => latents),
  )
}

/**
 * Samples as a PNG picture.
 *
 * @param columns samples in a row; by default one for each class, or a square
 * @returns the bytes of the file
 * @example
 * const png = pictured({ shape: [1, 28, 28], classes: 0 }, new Float32Array(4 * 784))
 */
export const pictured = (
  { shape, classes }: Pick<DrawingOptions, 'shape' | 'classes'>,
  samples: Float32Array,
  columns?: number,
): T.Task<Uint8Array> => {
  const { shape: picture, data } = tiled(shape, samples)
  const count = samples.length / Math.max(1, size(shape))
  return encodePng(sampleGrid(data, { shape: picture, columns: columns ?? columnsOf(count, classes) }))
}
