import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { DerivaError } from 'deriva/types'
import { type ImageSet, imageSets } from './images.js'
import type { Assessment, Distance, Floor, Result, Timing } from './result.js'
import { keep } from './storage.js'

export type Budget = 'equalSteps' | 'equalTime'

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

/** The standard deviation of a sample of numbers; NaN for fewer than two. */
const deviation = (xs: ReadonlyArray<number>): number =>
  Math.sqrt(xs.reduce((sum, x) => sum + (x - mean(xs)) ** 2, 0) / (xs.length - 1))

const unique = <A>(xs: ReadonlyArray<A>): ReadonlyArray<A> => [...new Set(xs)]

const budgets: ReadonlyArray<Budget> = ['equalTime', 'equalSteps']

export const assessmentOf = (result: Result, budget: Budget): Assessment =>
  result.assessments[String(result[budget])]

/** What all results were assessed at. */
export const budgetsOf = (results: ReadonlyArray<Result>): ReadonlyArray<Budget> =>
  budgets.filter((budget) =>
    results.every((result) => Object.hasOwn(result.assessments, String(result[budget]))),
  )

/** One number of every seed's run. */
type Reading = (assessment: Assessment) => number

/** Of a method on a dataset: a number over the seeds, and by how much it is more than teacher forcing's, seed by seed. */
export type Summary = {
  readonly dataset: ImageSet
  readonly method: string
  readonly seeds: number
  readonly mean: number
  readonly deviation: number
  /** The mean over seeds of the relative difference to teacher forcing of the same seed, and its standard error. */
  readonly against: number
  readonly standardError: number
}

export const summarised = (
  results: ReadonlyArray<Result>,
  budget: Budget,
  reading: Reading,
): ReadonlyArray<Summary> =>
  unique(results.map(({ dataset }) => dataset)).flatMap((dataset) => {
    const here = results.filter((result) => result.dataset === dataset)
    const value = (result: Result): number => reading(assessmentOf(result, budget))
    const base = new Map(
      here.filter(({ method }) => method === 'teacher forcing').map((result) => [result.seed, value(result)]),
    )
    return unique(here.map(({ method }) => method)).map((method): Summary => {
      const own = here.filter((result) => result.method === method)
      const values = own.map(value)
      const ratios = own.flatMap((result) => {
        const theirs = base.get(result.seed)
        return theirs === undefined ? [] : [value(result) / theirs - 1]
      })
      return {
        dataset,
        method,
        seeds: own.length,
        mean: mean(values),
        deviation: deviation(values),
        against: mean(ratios),
        standardError: deviation(ratios) / Math.sqrt(ratios.length),
      }
    })
  })

const percent = (x: number): string => `${x >= 0 ? '+' : '−'}${Math.abs(100 * x).toFixed(1)} %`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')

const solverStepsOf = (results: ReadonlyArray<Result>): ReadonlyArray<string> =>
  Object.keys(Object.values(results[0].assessments)[0].distances)

/** The Fréchet distance by solver steps: mean ± deviation over seeds, and the paired difference to teacher forcing. */
const distances = (results: ReadonlyArray<Result>, dataset: string, budget: Budget): string => {
  const here = results.filter((result) => result.dataset === dataset)
  const columns = solverStepsOf(here)
  const byColumn = columns.map((steps) => summarised(here, budget, ({ distances: d }) => d[steps].frechet))
  const rows = byColumn[0].map(({ method }, row) => [
    method,
    String(here.find((result) => result.method === method)?.[budget] ?? ''),
    String(byColumn[0][row].seeds),
    ...byColumn.map((column) => {
      const { mean: m, deviation: s, against, standardError } = column[row]
      const spread = Number.isNaN(s) ? '' : ` ± ${s.toFixed(2)}`
      const error = Number.isNaN(standardError) ? '' : ` ± ${(100 * standardError).toFixed(1)}`
      // Nothing is compared with itself, nor with what was not run.
      return method === 'teacher forcing' || Number.isNaN(against)
        ? `${m.toFixed(2)}${spread}`
        : `${m.toFixed(2)} (${percent(against)}${error})`
    }),
  ])
  return table(['method', 'steps', 'seeds', ...columns.map((steps) => `${steps} evaluations`)], rows)
}

/** The number of solver steps at which everything else is reported. */
const reportedSteps = (results: ReadonlyArray<Result>): string => {
  const columns = solverStepsOf(results)
  return columns.includes('20') ? '20' : columns[columns.length - 1]
}

/** What else was measured. */
const others = (results: ReadonlyArray<Result>, dataset: string, budget: Budget): string => {
  const here = results.filter((result) => result.dataset === dataset)
  const steps = reportedSteps(here)
  const of =
    (name: keyof Distance): Reading =>
    ({ distances: d }) =>
      d[steps][name]
  const readings: ReadonlyArray<readonly [string, Reading]> = [
    ['drift at the end', ({ drift }) => drift[drift.length - 1].drift],
    ['return error from 0.5', ({ returnError }) => returnError],
    ['sliced Wasserstein', of('sliced')],
    ['variance', of('variance')],
    ['high-frequency power', of('highPower')],
    ['recognised', of('accuracy')],
  ]
  const found = readings.map(([, reading]) => summarised(here, budget, reading))
  return table(
    ['method', ...readings.map(([name]) => name)],
    found[0].map(({ method }, row) => [method, ...found.map((column) => column[row].mean.toFixed(3))]),
  )
}

const titles: Readonly<Record<Budget, string>> = { equalSteps: 'equal steps', equalTime: 'equal time' }

/** Floors by dataset. */
export type Floors = Readonly<Partial<Record<ImageSet, Floor>>>

const toldOf = ({ real, accuracy }: Floor): string =>
  `Real training images against the held-out ones: Fréchet distance ${real.frechet.toFixed(2)}, sliced Wasserstein ${real.sliced.toFixed(3)}. The classifier recognises ${(100 * accuracy).toFixed(1)} % of the held-out images.`

const text = (results: ReadonlyArray<Result>, floors: Floors, timing: Timing): string => {
  const cost = (costs: ReadonlyArray<number>): number => mean(costs)
  const base = cost(timing['teacher forcing'])
  const parts = unique(results.map(({ dataset }) => dataset)).flatMap((dataset) => {
    const floor = floors[dataset]
    return [
      `### ${imageSets[dataset].title}`,
      ...(floor === undefined ? [] : [toldOf(floor)]),
      ...budgetsOf(results).flatMap((budget) => [
        `Fréchet distance, ${titles[budget]}:`,
        distances(results, dataset, budget),
        `At ${reportedSteps(results)} evaluations, ${titles[budget]}:`,
        others(results, dataset, budget),
      ]),
    ]
  })
  const costs = table(
    ['method', 'processor ms a step, at the start', 'at the end', 'against teacher forcing, whole training'],
    Object.entries(timing).map(([name, each]) => [
      name,
      (1000 * each[0]).toFixed(0),
      (1000 * each[each.length - 1]).toFixed(0),
      `${(cost(each) / base).toFixed(2)} ×`,
    ]),
  )
  return `${[...parts, '### Cost', costs].join('\n\n')}\n`
}

export const printed = (results: ReadonlyArray<Result>, floors: Floors, timing: Timing): void => {
  console.log(text(results, floors, timing))
}

/** The tables of the documentation. */
export const markdown = (
  path: string,
  results: ReadonlyArray<Result>,
  floors: Floors,
  timing: Timing,
): TE.TaskEither<DerivaError, void> => keep(path, text(results, floors, timing))
