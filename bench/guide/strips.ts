import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { encodePng, sampleGrid } from 'deriva/report'
import { euler } from 'deriva/solver'
import type { DerivaError } from 'deriva/types'
import { type Digits, idealAt, noisedBatch, rolledTo, sample } from './digits.js'

/** Where the strips end, from noisy to clean, and the spans of their columns. */
const targets = [500, 250, 50]
const spans = [10, 50, 100, 200, 400]

/**
 * One digit at several times: noised, then brought there over longer and longer spans; beneath each what has changed, and beneath the noised one
 * the digit itself.
 */
export const stripPicture = (made: Digits): TE.TaskEither<DerivaError, Uint8Array> =>
  pipe(
    noisedBatch(made.unseen, [4]),
    TE.chain((batch) =>
      pipe(
        targets,
        TE.traverseSeqArray((target) =>
          pipe(
            spans,
            TE.traverseSeqArray((span) =>
              rolledTo(made, batch, target, { solver: euler(), steps: 10, span }),
            ),
            TE.map((rolled) => {
              const ideal = idealAt(batch, target)
              return [ideal, ...rolled, batch.x0, ...rolled.map((one) => one.map((x, i) => x - ideal[i]))]
            }),
          ),
        ),
      ),
    ),
    TE.chainTaskK((rows) => {
      const latents = Float32Array.from(rows.flatMap((row) => row.flatMap((one) => [...one])))
      return encodePng(sampleGrid(latents, { shape: sample, columns: spans.length + 1, scale: 4 }))
    }),
  )
