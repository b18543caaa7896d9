import type { Config } from '../config/index.js'
import type { MeasuredCourse } from '../measure/index.js'
import { escaped } from './escaped.js'
import { meterCard, meterLine, shownMeters } from './measurement-section.js'
import { columns, courseWords, estimateText } from './measurement-table.js'
import { flatOptions, type Report } from './page.js'
import { card, colours, figures, image, page, percent, section } from './page-parts.js'
import { smoothed } from './series.js'
import { summary } from './summary.js'

type Row = { readonly name: string; readonly cells: ReadonlyArray<string> }

/** A table with a column for each run. */
const table = (runs: ReadonlyArray<Report>, rows: ReadonlyArray<Row>): string =>
  rows.length === 0
    ? ''
    : `<div class="wide card"><table><tr><th></th>${runs
        .map(({ title }, i) => `<th style="color:${colour(i)}">${escaped(title)}</th>`)
        .join('')}</tr>${rows
        .map(
          ({ name, cells }) =>
            `<tr><td>${escaped(name)}</td>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`,
        )
        .join('')}</table></div>`

const colour = (run: number): string => colours[run % colours.length]

const inNumbers = (runs: ReadonlyArray<Report>): string => {
  const all = runs.map(({ metrics }) => (metrics.length === 0 ? undefined : summary(metrics)))
  const row = (name: string, of: (s: NonNullable<(typeof all)[number]>) => string): Row => ({
    name,
    cells: all.map((one) => (one === undefined ? '–' : of(one))),
  })
  return section(
    'In numbers',
    'The loss is the mean over the last steps; runs with different terms have losses that cannot be compared.',
    table(runs, [
      row('steps', ({ steps }) => steps.toLocaleString('en-US')),
      row('loss', ({ loss }) => figures(loss)),
      row('steps/s', ({ stepsPerSecond }) => figures(stepsPerSecond)),
      row('seconds in steps', ({ seconds }) => figures(seconds)),
      row('time in rollouts', ({ rolloutShare }) => percent(rolloutShare)),
      row('evaluations in rollouts', ({ evaluations }) => evaluations.toLocaleString('en-US')),
    ]),
  )
}

/** Where a run's files go is no setting of the run. */
const incidental: ReadonlyArray<keyof Config> = ['output_dir', 'resume_from_checkpoint']

const differences = (runs: ReadonlyArray<Report>): string => {
  const options = runs.map(
    ({ config }) => new Map<string, string>(config === undefined ? [] : flatOptions(config)),
  )
  const keys = [...new Set(options.flatMap((map) => [...map.keys()]))].filter(
    (key) => !incidental.some((name) => name === key),
  )
  const differing = keys.filter((key) => new Set(options.map((map) => map.get(key))).size > 1)
  return section(
    'Settings that differ',
    'All others are the same in every run.',
    table(
      runs,
      differing.length === 0
        ? [{ name: 'none: the same settings', cells: runs.map(() => '') }]
        : differing.map((name) => ({ name, cells: options.map((map) => map.get(name) ?? '–') })),
    ),
  )
}

const lossChart = (runs: ReadonlyArray<Report>): string => {
  const lines = runs.map(({ title, metrics }, i) => ({
    name: title,
    colour: colour(i),
    series: smoothed(
      metrics.map(({ step, loss }) => ({ at: step, value: loss })),
      metrics.length / 100,
    ),
  }))
  if (lines.every(({ series }) => series.length < 2)) return ''
  const positive = runs.every(({ metrics }) => metrics.every(({ loss }) => loss > 0))
  return section(
    'Loss',
    'Moving averages of the objectives.',
    card(lines, { description: 'The losses of the runs', y: { label: 'loss', logarithmic: positive } }),
  )
}

/** The courses that every run has, each with what every run saw along it. */
const shared = (runs: ReadonlyArray<Report>): ReadonlyArray<ReadonlyArray<MeasuredCourse>> => {
  const of = (run: Report | undefined): ReadonlyArray<MeasuredCourse> => run?.measurement?.courses ?? []
  return of(runs.at(0)).flatMap((course) => {
    const same = runs.flatMap((run) => of(run).filter((other) => courseWords(other) === courseWords(course)))
    return same.length === runs.length ? [same] : []
  })
}

const weight = (course: MeasuredCourse | undefined): number =>
  course === undefined ? -1 : course.steps * 1e6 + (course.start === 'noise' ? 0 : course.start)

const meterCharts = (runs: ReadonlyArray<Report>): string => {
  const both = shared(runs)
  const pick = (noise: boolean): ReadonlyArray<MeasuredCourse> | undefined =>
    both
      .filter(([course]) => (course.start === 'noise') === noise)
      .reduce<ReadonlyArray<MeasuredCourse> | undefined>(
        (best, next) => (weight(next.at(0)) > weight(best?.at(0)) ? next : best),
        undefined,
      )
  const [noised, noise] = [pick(false), pick(true)]
  const cards = shownMeters.flatMap((shown) => {
    const along = (shown.ofEnsemble === true ? noise : undefined) ?? noised
    if (along === undefined) return []
    return [
      meterCard(
        { ...shown, text: `${shown.text} ${courseWords(along[0])}.` },
        along.map((course, i) => meterLine(course, shown.meter, { name: runs[i].title, colour: colour(i) })),
      ),
    ]
  })
  return cards.length === 0
    ? ''
    : section(
        'Drift, measured',
        'The same held-out samples along the same trajectories, with 95 % bands.',
        `<div class="charts">${cards.join('')}</div>`,
      )
}

const ends = (runs: ReadonlyArray<Report>): string => {
  const rows = shared(runs).flatMap((courses) =>
    columns
      .filter(({ title }) => ['drift', 'variance', 'sharpness'].includes(title))
      .filter(({ title }) => courses[0].start !== 'noise' || title !== 'drift')
      .map(({ title, of, percent: share }): Row => ({
        name: `${courseWords(courses[0])}: ${title}`,
        cells: courses.map((course) => {
          const estimate = of(course)
          return estimate === undefined ? '–' : estimateText(estimate, share).join(' ')
        }),
      })),
  )
  return section(
    'Every trajectory',
    'What it ends with; variance and sharpness relative to the data. Smaller drift with less sharpness is blur.',
    table(runs, rows),
  )
}

const grids = (runs: ReadonlyArray<Report>): string => {
  const last = runs.flatMap(({ title, grids: all }) => {
    const grid = all.at(-1)
    return grid === undefined
      ? []
      : [image(grid.png, `Samples of ${title}`, `${title}, step ${grid.step.toLocaleString('en-US')}`)]
  })
  return section(
    'Samples',
    'The last grid of each run.',
    last.length === 0 ? '' : `<div class="sides">${last.join('')}</div>`,
  )
}

/**
 * Runs side by side, as one HTML page that needs nothing else: numbers, settings that differ, curves over each other, samples.
 *
 * @param runs two or more, in the order of their colours
 * @example
 * declare const before: Report, after: Report
 * const html = comparisonPage([before, after])
 */
export const comparisonPage = (runs: ReadonlyArray<Report>): string =>
  page({
    title: runs.map(({ title }) => title).join(' · '),
    subtitle: `${runs.length} runs of deriva, compared`,
    content: [
      inNumbers(runs),
      differences(runs),
      grids(runs),
      lossChart(runs),
      meterCharts(runs),
      ends(runs),
    ].join('\n'),
    footer: 'Made by deriva. Curves are thinned for drawing.',
  })
