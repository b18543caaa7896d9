import { join } from 'node:path'
import * as Plot from '@observablehq/plot'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { DOMParser } from 'linkedom'
import type { DerivaError } from 'deriva/types'
import type { Floor, Result } from './result.js'
import { keep } from './storage.js'
import { assessmentOf, type Budget, budgetsOf } from './summary.js'

const titles: Readonly<Record<Budget, string>> = { equalTime: 'equal time', equalSteps: 'equal steps' }

// Plot's types speak of a browser's document; linkedom's has all that it uses.
const isElement = (u: unknown): u is { readonly outerHTML: string } =>
  typeof u === 'object' && u !== null && 'outerHTML' in u && typeof u.outerHTML === 'string'

const drawnSvg = (plot: (document: unknown) => unknown): string => {
  const figure = plot(new DOMParser().parseFromString('<html></html>', 'text/html'))
  if (!isElement(figure)) throw new Error('nothing was drawn')
  return figure.outerHTML
}

/** An SVG file of its own, on white: it is looked at outside pages too. */
const standalone = (svg: string): string =>
  `${svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"').replace('style="', 'style="background: white; ')}\n`

/** Every seed's Fréchet distance by solver steps, and the lines through their means. */
const distances = (results: ReadonlyArray<Result>, floors: ReadonlyArray<Floor>): string => {
  const points = results.flatMap((result) =>
    budgetsOf(results).flatMap((budget) =>
      Object.entries(assessmentOf(result, budget).distances).map(([steps, { frechet }]) => ({
        ...result,
        title: titles[budget],
        steps: Number(steps),
        frechet,
      })),
    ),
  )
  return drawnSvg((document) =>
    Plot.plot({
      document,
      width: 960,
      height: 640,
      marginLeft: 60,
      style: { fontSize: '13px' },
      x: { type: 'log', label: 'evaluations a sample', ticks: [5, 10, 20, 50], tickFormat: 'd' },
      y: {
        type: 'log',
        label: 'Fréchet distance',
        grid: true,
        ticks: [0.5, 1, 2, 5, 10, 20, 50],
        tickFormat: '~g',
      },
      fx: { label: null },
      fy: { label: null },
      color: {
        legend: false,
        type: 'categorical',
        scheme: 'Dark2',
        domain: [...new Set(points.map(({ method }) => method))],
      },
      marks: [
        Plot.frame({ stroke: '#ccc' }),
        Plot.ruleY(floors, {
          y: ({ real }: Floor) => real.frechet,
          fy: 'dataset',
          stroke: '#999',
          strokeDasharray: '4 3',
        }),
        Plot.line(
          points,
          Plot.groupX(
            { y: 'mean' },
            { x: 'steps', y: 'frechet', stroke: 'method', fx: 'title', fy: 'dataset', strokeWidth: 2 },
          ),
        ),
        Plot.dot(points, { x: 'steps', y: 'frechet', stroke: 'method', fx: 'title', fy: 'dataset', r: 2.5 }),
        Plot.text(
          points,
          Plot.selectFirst({
            x: 'steps',
            y: 'frechet',
            z: 'method',
            fx: 'title',
            fy: 'dataset',
            text: 'method',
            fill: 'method',
            textAnchor: 'start',
            dx: 8,
            dy: -6,
          }),
        ),
      ],
    }),
  )
}

/** Drift along the schedule, mean over seeds. */
const drifts = (results: ReadonlyArray<Result>): string => {
  const points = results.flatMap((result) =>
    budgetsOf(results)
      .slice(-1)
      .flatMap((budget) => assessmentOf(result, budget).drift)
      .map(({ sigma, drift }) => ({ ...result, sigma, drift })),
  )
  return drawnSvg((document) =>
    Plot.plot({
      document,
      width: 960,
      height: 340,
      marginLeft: 60,
      style: { fontSize: '13px' },
      x: { label: 'sigma, from noise to data', reverse: true },
      y: { label: '‖x̂ − x‖ / ‖x‖', grid: true, domain: [0, Math.max(...points.map(({ drift }) => drift))] },
      fx: { label: null },
      color: {
        type: 'categorical',
        scheme: 'Dark2',
        domain: [...new Set(points.map(({ method }) => method))],
      },
      marks: [
        Plot.frame({ stroke: '#ccc' }),
        Plot.line(
          points,
          Plot.groupX(
            { y: 'mean' },
            { x: 'sigma', y: 'drift', stroke: 'method', fx: 'dataset', strokeWidth: 2 },
          ),
        ),
      ],
    }),
  )
}

/** Draws what came out: results-frechet.svg and results-drift.svg. */
export const drawResults = (
  folder: string,
  results: ReadonlyArray<Result>,
  floors: ReadonlyArray<Floor>,
): TE.TaskEither<DerivaError, void> =>
  pipe(
    keep(join(folder, 'results-frechet.svg'), standalone(distances(results, floors))),
    TE.chain(() => keep(join(folder, 'results-drift.svg'), standalone(drifts(results)))),
  )
