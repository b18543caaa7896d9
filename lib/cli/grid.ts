import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Path } from '../path/index.js'
import { encodePng, sampleGrid } from '../report/index.js'
import { type Denoiser, guided, sample } from '../rollout/index.js'
import type { Grid, Solver } from '../solver/index.js'
import { type ErrorOf, int64, type Parameterisation, size } from '../types/index.js'

export type DrawingOptions = {
  readonly path: Path
  readonly solver: Solver
  readonly grid: Grid
  /** [channels, height, width] */
  readonly shape: readonly [number, number, number]
  readonly classes: number
  /** How many samples. */
  readonly count: number
  /** One class for all samples; where there is none, the classes go round. */
  readonly label?: number
  readonly guidance: number
  readonly seed: number
  /** Samples in a row. */
  readonly columns?: number
}

/** A row for each round of the classes where that comes out even, else a square. */
const columnsOf = (count: number, classes: number): number =>
  count % classes === 0 ? classes : Math.ceil(Math.sqrt(count))

/**
 * Draws samples from noise, as a PNG picture.
 *
 * @returns the bytes of the file
 * @example
 * declare const denoiser: Denoiser<'flow_matching'>
 * const png = drawing(denoiser, {
 *   path: flow(), solver: unipc({ order: 2 }), grid: trailing(flow(), 20), shape: [1, 28, 28], classes: 10, count: 40, guidance: 2, seed: 1,
 * })
 */
export const drawing = <P extends Parameterisation>(
  denoiser: Denoiser<P>,
  { path, solver, grid, shape, classes, count, label, guidance, seed, columns }: DrawingOptions,
): TE.TaskEither<ErrorOf<'EngineError'>, Uint8Array> => {
  const labels = Array.from({ length: count }, (_, i) => label ?? i % classes)
  const unconditional = guided(denoiser, guidance, (given) => {
    const rows = given['label'].dims[0]
    return { ...given, label: int64([rows], new Array<number>(rows).fill(classes)) }
  })
  return pipe(
    sample(unconditional, {
      path,
      solver,
      grid,
      count,
      elements: size(shape),
      conditioning: { label: int64([count], labels) },
      seed,
    }),
    TE.map(({ latents }) =>
      encodePng(sampleGrid(latents, { shape, columns: columns ?? columnsOf(count, classes) })),
    ),
  )
}
