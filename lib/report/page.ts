import * as E from 'fp-ts/lib/Either.js'
import { type Config, decodeConfig } from '../config/index.js'
import type { Measurement } from '../measure/index.js'
import type { Metrics } from '../train/index.js'
import type { Line } from './chart.js'
import { escaped } from './escaped.js'
import { type DrawnStrip, measurementSections } from './measurement-section.js'
import { card, colours, figures, image, page, percent, section } from './page-parts.js'
import { smoothed } from './series.js'
import { summary } from './summary.js'

/** What report.html shows of a run. */
export type Report = {
  readonly title: string
  /** Where the run had one. */
  readonly config: Config | undefined
  /** The names of the classes, by label, where they have names. */
  readonly classNames?: ReadonlyArray<string>
  /** One entry a step, steps rising. */
  readonly metrics: ReadonlyArray<Metrics>
  /** Sample grids as PNG files, steps rising. */
  readonly grids: ReadonlyArray<{ readonly step: number; readonly png: Uint8Array }>
  /** What `deriva measure` found, where it was asked. */
  readonly measurement?: Measurement & { readonly step: number }
  /** Trajectories in pictures. */
  readonly strips?: ReadonlyArray<DrawnStrip>
}

/** [number, unit]: 0.5 s, 4:35 min, 2:04 h. */
const duration = (seconds: number): readonly [string, string] => {
  const two = (n: number): string => String(Math.floor(n) % 60).padStart(2, '0')
  if (seconds < 60) return [figures(seconds), 'seconds in steps']
  return seconds < 3600
    ? [`${Math.floor(seconds / 60)}:${two(seconds)}`, 'minutes in steps']
    : [`${Math.floor(seconds / 3600)}:${two(seconds / 60)}`, 'hours in steps']
}

const fact = (name: string, value: string, note = ''): string =>
  `<div><dt>${escaped(name)}</dt><dd>${escaped(value)}${note === '' ? '' : ` <small>${escaped(note)}</small>`}</dd></div>`

const facts = ({ metrics, config }: Report): string => {
  if (metrics.length === 0) return ''
  const { steps, loss, stepsPerSecond, seconds, rolloutShare, evaluations } = summary(metrics)
  return `<dl class="facts">${[
    fact(
      'steps',
      steps.toLocaleString('en-US'),
      config && `of ${config.max_train_steps.toLocaleString('en-US')}`,
    ),
    fact('loss', figures(loss), 'recent mean'),
    fact('speed', figures(stepsPerSecond), 'steps/s'),
    fact('time', ...duration(seconds)),
    fact('rollouts', percent(rolloutShare), 'of the time'),
    fact('evaluations', evaluations.toLocaleString('en-US'), 'samples × rollout steps'),
  ].join('')}</dl>`
}

const series = (metrics: ReadonlyArray<Metrics>, value: (m: Metrics) => number): Line['series'] =>
  metrics.map((m) => ({ at: m.step, value: value(m) }))

const charts = (metrics: ReadonlyArray<Metrics>): string => {
  if (metrics.length < 2) return ''
  const span = metrics.length / 100
  const loss = series(metrics, (m) => m.loss)
  const rolled = metrics.filter((m) => m.rolledOut > 0)
  const terms = [...new Set(metrics.flatMap((m) => Object.keys(m.terms)))]
  const positive = metrics.every((m) => m.loss > 0)
  return [
    section(
      'Loss',
      terms.length < 2
        ? 'The objective at every step, and its moving average.'
        : 'The objective at every step, and its moving average: the weighted sum of its terms, so it rises as rollouts bring terms in.',
      card(
        [
          { name: 'every step', series: loss, colour: 'var(--one)', faint: true },
          { name: 'moving average', series: smoothed(loss, span), colour: 'var(--one)' },
        ],
        { description: 'The loss over training', y: { label: 'loss', logarithmic: positive } },
      ),
    ),
    terms.length < 2
      ? ''
      : section(
          'Terms of the loss',
          'Each term before its weight, as a moving average.',
          card(
            terms.map((name, i) => ({
              name: name.replaceAll('_', ' '),
              series: smoothed(
                series(metrics, (m) => m.terms[name] ?? NaN),
                span,
              ),
              colour: colours[i % colours.length],
            })),
            { description: 'The terms of the loss over training', y: { label: 'term', logarithmic: true } },
          ),
        ),
    rolled.length === 0
      ? ''
      : section(
          'Scheduled sampling',
          'The share of samples that the plan rolls out with the current weights, and the share of the time that this takes.',
          card(
            [
              {
                name: 'probability of a rollout',
                series: series(metrics, (m) => m.rolloutProbability),
                colour: 'var(--two)',
              },
              {
                name: 'share of the time',
                series: smoothed(
                  series(metrics, (m) => m.rolloutSeconds / (m.rolloutSeconds + m.trainingSeconds)),
                  span,
                ),
                colour: 'var(--three)',
              },
            ],
            {
              description: 'Rollout probability and share of time over training',
              y: { label: 'share', percent: true },
            },
          ),
        ),
    rolled.length < 2
      ? ''
      : section(
          'Drift',
          'How far rolled-out latents end from the ideal ones, relative to their length. Small drift alone does not make good samples.',
          card(
            [
              {
                name: 'every step',
                series: series(rolled, (m) => m.drift),
                colour: 'var(--four)',
                faint: true,
              },
              {
                name: 'moving average',
                series: smoothed(
                  series(rolled, (m) => m.drift),
                  rolled.length / 100,
                ),
                colour: 'var(--four)',
              },
            ],
            {
              description: 'Mean relative drift of rolled-out samples',
              y: { label: '‖x̂ − x‖ / ‖x‖', percent: true },
            },
          ),
        ),
  ].join('')
}

/** At most `count` of them, evenly, the first and the last among them. */
const spread = <A>(all: ReadonlyArray<A>, count: number): ReadonlyArray<A> =>
  all.length <= count
    ? all
    : Array.from({ length: count }, (_, i) => all[Math.round((i * (all.length - 1)) / (count - 1))])

const grid = ({ step, png }: Report['grids'][number]): string =>
  image(png, `Samples at step ${step}`, `step ${step.toLocaleString('en-US')}`)

/** As many names as one likes to read in a sentence. */
const fewNames = 20

const namesText = (names: ReadonlyArray<string>): string => {
  if (names.length === 0) return ''
  const more = names.length - fewNames
  return `: ${names.slice(0, fewNames).join(', ')}${more > 0 ? ` and ${more} more, which dataset.json names` : ''}`
}

const pictures = ({ grids, config, classNames = [] }: Report): string => {
  const last = grids.at(-1)
  if (last === undefined) return ''
  const earlier = spread(grids.slice(0, -1), 9)
  return (
    section(
      'Samples',
      `Drawn from noise by the ${config?.use_ema === true ? 'averaged' : 'current'} weights; the classes go round along each row${namesText(classNames)}.`,
      grid(last),
    ) +
    (earlier.length === 0
      ? ''
      : section(
          'Samples over time',
          'The same noise and the same classes, at earlier steps.',
          `<div class="strip">${earlier.map(grid).join('')}</div>`,
        ))
  )
}

/**
 * The options of a configuration by their flat names, with their values as JSON.
 *
 * @example
 * declare const config: Config
 * const seed = new Map(flatOptions(config)).get('seed')
 */
export const flatOptions = (config: Config): ReadonlyArray<readonly [string, string]> =>
  Object.entries({
    ...config,
    model: undefined,
    ...Object.fromEntries(Object.entries(config.model).map(([k, v]) => [`model.${k}`, v])),
  })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, JSON.stringify(value)])

const table = (rows: ReadonlyArray<readonly [string, string]>): string =>
  `<table>${rows.map(([key, value]) => `<tr><td>${escaped(key)}</td><td>${escaped(value)}</td></tr>`).join('')}</table>`

const configuration = (config: Config): string => {
  const standard = decodeConfig({
    prediction_type: config.prediction_type,
    model: { type: config.model.type },
  })
  const usual = new Map(E.isRight(standard) ? flatOptions(standard.right) : [])
  const rows = flatOptions(config)
  const chosen = rows.filter(([key, value]) => usual.get(key) !== value)
  return section(
    'Configuration',
    'The options of this run that are not the defaults; config.json in the run folder has all of them.',
    `<div class="card">${table(chosen)}</div><details><summary>All options</summary><div class="card">${table(rows)}</div></details>`,
  )
}

/**
 * A run as one HTML page that needs no network, no script and no other file, and follows the reader's light or dark theme.
 *
 * @example
 * declare const config: Config, metrics: ReadonlyArray<Metrics>
 * const html = reportPage({ title: 'runs/mnist', config, metrics, grids: [] })
 */
export const reportPage = (report: Report): string => {
  const { title, config, metrics, measurement, strips = [] } = report
  const subtitle =
    config &&
    `${config.prediction_type.replaceAll('_', ' ')} · ${config.model.type} · ${config.dataset} · seed ${config.seed}`
  return page({
    title,
    subtitle: subtitle ?? 'a run of deriva',
    content: [
      facts(report),
      pictures(report),
      charts(metrics),
      measurement === undefined ? '' : measurementSections(measurement, strips),
      config === undefined ? '' : configuration(config),
    ].join('\n'),
    footer: 'Made by deriva. Curves are thinned for drawing; metrics.jsonl has every step.',
  })
}
