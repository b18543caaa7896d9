import { join } from 'node:path'
import * as Plot from '@observablehq/plot'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { DOMParser } from 'linkedom'
import type { DerivaError } from 'deriva/types'
import { imageSetNames, imageSets } from './images.js'
import type { Result } from './result.js'
import { keep } from './storage.js'
import { assessmentOf, type Budget, budgetsOf, type Floors, summarised } from './summary.js'

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

/** The image sets that there are results of, in the order of the tables. */
const setsOf = (results: ReadonlyArray<Result>): ReadonlyArray<(typeof imageSetNames)[number]> =>
  imageSetNames.filter((name) => results.some(({ dataset }) => dataset === name))

/** Every seed's Fréchet distance by solver steps, and the lines through their means. */
const distances = (results: ReadonlyArray<Result>, floors: Floors): string => {
  const sets = setsOf(results)
  const points = results.flatMap((result) =>
    budgetsOf(results).flatMap((budget) =>
      Object.entries(assessmentOf(result, budget).distances).map(([steps, { frechet }]) => ({
        set: imageSets[result.dataset].title,
        method: result.method,
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
      height: 320 * sets.length,
      marginLeft: 60,
      marginRight: 150,
      style: { fontSize: '13px' },
      x: { type: 'log', label: 'evaluations a sample', ticks: [5, 10, 20, 50], tickFormat: 'd' },
      y: {
        type: 'log',
        label: 'Fréchet distance',
        grid: true,
        ticks: [0.5, 1, 2, 5, 10, 20, 50],
        tickFormat: '~g',
      },
      fx: { label: null, domain: budgetsOf(results).map((budget) => titles[budget]) },
      fy: {
        label: null,
        domain: sets.map((name) => imageSets[name].title),
      },
      color: {
        legend: false,
        type: 'categorical',
        scheme: 'Dark2',
        domain: [...new Set(points.map(({ method }) => method))],
      },
      marks: [
        Plot.frame({ stroke: '#ccc' }),
        Plot.ruleY(
          sets.flatMap((name) => {
            const floor = floors[name]
            return floor === undefined ? [] : [{ set: imageSets[name].title, floor: floor.real.frechet }]
          }),
          {
            y: 'floor',
            fy: 'set',
            stroke: '#999',
            strokeDasharray: '4 3',
          },
        ),
        Plot.line(
          points,
          Plot.groupX(
            { y: 'mean' },
            { x: 'steps', y: 'frechet', stroke: 'method', fx: 'title', fy: 'set', strokeWidth: 2 },
          ),
        ),
        Plot.dot(points, { x: 'steps', y: 'frechet', stroke: 'method', fx: 'title', fy: 'set', r: 2.5 }),
        // Named where they are furthest apart: in the first column.
        Plot.text(
          points.filter(({ title }) => title === titles[budgetsOf(results)[0]]),
          Plot.selectFirst({
            x: 'steps',
            y: 'frechet',
            z: 'method',
            fx: 'title',
            fy: 'set',
            text: 'method',
            fill: 'method',
            textAnchor: 'start',
            dx: 8,
            dy: -7,
          }),
        ),
      ],
    }),
  )
}

/** Beyond these changes points are drawn at the border. */
const most = { drift: 0.05, frechet: 0.6 }

/** The height and the width of a name, in the units of the axes. */
const name = { drift: 0.018, frechet: 0.055 }

/** Every method by what it does to the drift at the end of a trajectory and to the Fréchet distance, against teacher forcing of the same seed. */
const exchanges = (results: ReadonlyArray<Result>): string => {
  const [budget] = budgetsOf(results).slice(-1)
  const drifts = summarised(results, budget, ({ drift }) => drift[drift.length - 1].drift)
  const frechets = summarised(results, budget, ({ distances: d }) => (d['20'] ?? Object.values(d)[0]).frechet)
  const points = drifts.flatMap(({ dataset, method, against }, i) =>
    Number.isNaN(against)
      ? []
      : [{ set: imageSets[dataset].title, method, drift: against, frechet: frechets[i].against }],
  )
  // Names that would lie upon each other are moved down, from the top on.
  const labelled = points
    .filter(({ method }) => method !== 'teacher forcing')
    .toSorted((a, b) => b.frechet - a.frechet)
    .reduce<ReadonlyArray<(typeof points)[number] & { readonly at: number }>>((placed, point) => {
      const near = placed.filter(
        (other) => other.set === point.set && Math.abs(other.drift - point.drift) < name.drift,
      )
      const taken = (y: number): boolean => near.some(({ at }) => Math.abs(at - y) < name.frechet)
      let at = Math.min(most.frechet, point.frechet)
      while (taken(at)) at -= name.frechet / 4
      return [...placed, { ...point, at }]
    }, [])
  return drawnSvg((document) =>
    Plot.plot({
      document,
      width: 960,
      height: 420,
      marginLeft: 60,
      marginRight: 60,
      marginBottom: 40,
      style: { fontSize: '13px' },
      x: {
        label: 'drift, against teacher forcing',
        grid: true,
        tickFormat: '+.0%',
        domain: [-most.drift, most.drift],
        clamp: true,
      },
      y: {
        label: 'Fréchet distance',
        grid: true,
        tickFormat: '+.0%',
        domain: [-most.frechet, most.frechet],
        clamp: true,
      },
      fx: {
        label: null,
        domain: setsOf(results).map((name) => imageSets[name].title),
      },
      marks: [
        Plot.frame({ stroke: '#ccc' }),
        Plot.ruleX([0], { stroke: '#999' }),
        Plot.ruleY([0], { stroke: '#999' }),
        Plot.dot(points, { x: 'drift', y: 'frechet', fx: 'set', fill: '#1b6ca8', r: 4 }),
        Plot.link(labelled, {
          x1: 'drift',
          x2: 'drift',
          y1: 'frechet',
          y2: 'at',
          fx: 'set',
          stroke: '#ccc',
          clip: true,
        }),
        Plot.text(labelled, {
          x: 'drift',
          y: 'at',
          fx: 'set',
          text: 'method',
          textAnchor: 'start',
          dx: 8,
        }),
      ],
    }),
  )
}

/** Draws what came out: results-frechet.svg, and results-drift.svg with what drift has to do with it. */
export const drawResults = (
  folder: string,
  results: ReadonlyArray<Result>,
  floors: Floors,
): TE.TaskEither<DerivaError, void> =>
  pipe(
    keep(join(folder, 'results-frechet.svg'), standalone(distances(results, floors))),
    TE.chain(() => keep(join(folder, 'results-drift.svg'), standalone(exchanges(results)))),
  )
