import * as Plot from '@observablehq/plot'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { relativeDrift, relativeSharpness, sharpness } from 'deriva/measure'
import { euler, rk4, unipc } from 'deriva/solver'
import type { DerivaError } from 'deriva/types'
import { type Digits, idealAt, type Noised, noisedBatch, path, rolledTo, sample } from './digits.js'
import { colours, look, svgFile } from './drawing.js'
import { type Language, words } from './words.js'

/** Drift at the end of a rollout of some span, by some solver. */
export type SpanDrift = {
  readonly solver: string
  readonly steps: number
  readonly span: number
  readonly drift: number
}

/** How much detail of the data a model can still tell from data noised so far above the end of the spans. */
export type Detail = { readonly span: number; readonly kept: number }

export type Spans = { readonly drifts: ReadonlyArray<SpanDrift>; readonly details: ReadonlyArray<Detail> }

/** The timestep that the spans of the picture end at, and how long they are. */
const end = 250
const lengths = [5, 10, 20, 50, 100, 200, 300, 400, 500, 600, 700]

const ways = [
  { name: 'Euler', solver: euler(), steps: 1 },
  { name: 'Euler', solver: euler(), steps: 5 },
  { name: 'UniPC', solver: unipc({ order: 2 }), steps: 5 },
  { name: 'RK4', solver: rk4(), steps: 5 },
]

const mean = (xs: Float64Array): number => xs.reduce((a, b) => a + b, 0) / xs.length

/** Power at high frequencies of the guess at the data, x_t − sigma·v, relative to that of the data itself. */
const detailKept = (
  { denoiser }: Digits,
  batch: Noised,
  timestep: number,
): TE.TaskEither<DerivaError, number> => {
  const latents = idealAt(batch, timestep)
  const { sigma } = path.at(timestep)
  return pipe(
    denoiser.predict(latents, new Float32Array(batch.ids.length).fill(timestep), batch.conditioning),
    TE.chainTaskK((velocity) => async () => {
      const guess = latents.map((x, i) => x - sigma * velocity[i])
      const [kept, there] = [await sharpness(guess, sample)(), await sharpness(batch.x0, sample)()]
      return relativeSharpness(kept, there).highPower
    }),
  )
}

/** Drift over spans and solvers, and what is still known at their beginning. */
export const spansOf = (made: Digits): TE.TaskEither<DerivaError, Spans> =>
  pipe(
    noisedBatch(
      made.unseen,
      RA.makeBy(48, (i) => i),
    ),
    TE.chain((batch) => {
      const ideal = idealAt(batch, end)
      const cases = ways.flatMap((way) => lengths.map((span) => ({ ...way, span })))
      return pipe(
        TE.Do,
        TE.apS(
          'drifts',
          pipe(
            cases,
            TE.traverseSeqArray(({ name, solver, steps, span }) =>
              pipe(
                rolledTo(made, batch, end, { solver, steps, span }),
                TE.map((latents): SpanDrift => {
                  const drift = mean(relativeDrift(latents, ideal, batch.ids.length))
                  return { solver: name, steps, span, drift }
                }),
              ),
            ),
          ),
        ),
        TE.apS(
          'details',
          pipe(
            [0, 50, ...lengths.filter((span) => span >= 100)],
            TE.traverseSeqArray((span) =>
              pipe(
                detailKept(made, batch, end + span),
                TE.map((kept): Detail => ({ span, kept })),
              ),
            ),
          ),
        ),
      )
    }),
  )

/** The labels of the axes, each as it is: a logarithmic scale would leave some out as it sees fit. */
const marked = {
  x: [5, 10, 20, 50, 100, 200, 500],
  y: [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100],
} as const

/** Drift over span by solver, and the detail that can still be told at the end of a span. */
export const spanPictures = (
  { drifts, details }: Spans,
  language: Language,
): { readonly drift: string; readonly detail: string } => {
  const say = words[language]
  const named = drifts.map((one) => ({ ...one, name: say.inSteps(one.solver, one.steps) }))
  const names = [...new Set(named.map(({ name }) => name))]
  const [widths, dashes] = [
    [5, 3, 2, 2],
    ['1 0', '1 0', '9 5', '3 5'],
  ] as const
  const common = { width: 440, height: 340, marginLeft: 50, marginTop: 36, marginBottom: 40, style: look }
  return {
    drift: svgFile((document) =>
      Plot.plot({
        ...common,
        document,
        x: { type: 'log', label: say.span },
        y: {
          type: 'log',
          label: `${say.relativeDrift}, %`,
          percent: true,
          domain: [0.2, 100],
        },
        marks: [
          Plot.frame({ stroke: '#ddd' }),
          Plot.gridY(marked.y, { y: (percent: number) => percent / 100 }),
          Plot.axisX(marked.x, { text: String, labelArrow: 'none' }),
          Plot.axisY(marked.y, { y: (percent: number) => percent / 100, text: String, labelArrow: 'none' }),
          ...names.flatMap((name, i) => [
            Plot.line(
              named.filter((one) => one.name === name),
              {
                x: 'span',
                y: 'drift',
                stroke: colours[i],
                strokeWidth: widths[i],
                strokeDasharray: dashes[i],
              },
            ),
            Plot.text([name], {
              text: (text: string) => text,
              frameAnchor: 'top-left',
              dx: 12,
              dy: 10 + 18 * i,
              fill: colours[i],
              fontWeight: 600,
            }),
          ]),
        ],
      }),
    ),
    detail: svgFile((document) =>
      Plot.plot({
        ...common,
        document,
        x: { label: say.span, labelArrow: 'none' },
        y: { label: `${say.detail}, %`, labelArrow: 'none', percent: true, grid: true, domain: [0, 100] },
        marks: [
          Plot.frame({ stroke: '#ddd' }),
          Plot.line(details, { x: 'span', y: 'kept', stroke: colours[0], strokeWidth: 2.5 }),
          Plot.dot(details, { x: 'span', y: 'kept', fill: colours[0], r: 3 }),
        ],
      }),
    ),
  }
}
