import type { MeasuredCourse, Measurement, Meter } from '../measure/index.js'
import type { ChartOptions, Line } from './chart.js'
import { escaped } from './escaped.js'
import { heatMap } from './heat-map.js'
import type { Strip } from './measurement-file.js'
import { columns, courseWords, measurementRows, startWords } from './measurement-table.js'
import { card, colours, image, section } from './page-parts.js'

/** A strip with the bytes of its PNG file. */
export type DrawnStrip = Strip & { readonly png: Uint8Array }

/** A meter as a chart shows it. */
export type ShownMeter = {
  readonly meter: Meter
  readonly title: string
  readonly text: string
  readonly y: ChartOptions['y']
  /**
   * Whether it speaks of all samples together. A chain from pure noise makes other data than it is compared with, so that only these
   * mean something there.
   */
  readonly ofEnsemble?: boolean
}

/** The meters that have a chart of their own, in their order, and what readers should know about them. */
export const shownMeters: ReadonlyArray<ShownMeter> = [
  {
    meter: 'drift',
    title: 'Drift',
    text: '‖x̂ − x‖ / ‖x‖: how far the trajectory is from the noised data that it left.',
    y: { label: '', percent: true, logarithmic: true },
  },
  {
    meter: 'slowness',
    title: 'Slow flow',
    text: 'm − t in timesteps: above 0, latents look noisier than their time.',
    y: { label: '' },
  },
  {
    meter: 'bias',
    title: 'One-step bias',
    text: 'How far the drift moves the prediction, relative to its length.',
    y: { label: '', percent: true, logarithmic: true },
  },
  {
    meter: 'cosine',
    title: 'Direction of the prediction',
    text: 'The cosine between the predictions at the drifted and at the ideal latent.',
    y: { label: '', mark: 1 },
  },
  {
    meter: 'systematic',
    title: 'Systematic share',
    text: '‖E Δ‖² / E ‖Δ‖²: 1 where all samples drift alike, 0 where nothing is common to them.',
    y: { label: '', percent: true },
  },
  {
    meter: 'variance_error',
    title: 'Variance error δ',
    text: '(σ̂ − σ)² of the residuals; from pure noise it holds the variance of the data as well.',
    y: { label: '' },
    ofEnsemble: true,
  },
  {
    meter: 'variance',
    title: 'Variance',
    text: 'Of the latents, relative to data at the same noise level.',
    y: { label: '', percent: true, mark: 1 },
    ofEnsemble: true,
  },
  {
    meter: 'high_power',
    title: 'Sharpness',
    text: 'Power at high frequencies, relative to data at the same noise level: less is blurred.',
    y: { label: '', percent: true, mark: 1 },
    ofEnsemble: true,
  },
]

/** Sampling goes from noise to data, and so do the charts. */
const time: { readonly label: string; readonly reverse: boolean } = { label: 'timestep', reverse: true }

/**
 * A meter along a course, as a curve with its band.
 *
 * @example
 * declare const course: MeasuredCourse
 * const line = meterLine(course, 'drift', { name: 'from 500', colour: 'var(--one)' })
 */
export const meterLine = (
  { points }: MeasuredCourse,
  meter: Meter,
  look: Pick<Line, 'name' | 'colour' | 'dashed'>,
): Line => ({
  ...look,
  series: points.map(({ timestep, meters }) => ({ at: timestep, ...meters[meter] })),
})

/**
 * The curves of a meter over the schedule, on a card.
 *
 * @example
 * declare const course: MeasuredCourse
 * const html = meterCard(shownMeters[0], [meterLine(course, 'drift', { name: 'from 500', colour: 'var(--one)' })])
 */
export const meterCard = (
  { title, text, y }: Pick<ShownMeter, 'title' | 'text' | 'y'>,
  lines: ReadonlyArray<Line>,
): string => card(lines, { description: title, x: time, y, narrow: true }, { title, text })

/** The courses of the first solver in its most steps, noisiest start first, pure noise before them all. */
const byStart = ({ courses }: Measurement): ReadonlyArray<MeasuredCourse> => {
  const solver = courses.at(0)?.solver
  const alike = courses.filter((course) => course.solver === solver)
  const most = alike.reduce((steps, course) => Math.max(steps, course.steps), 0)
  const rank = ({ start }: MeasuredCourse): number => (start === 'noise' ? Infinity : start)
  return alike.filter(({ steps }) => steps === most).sort((a, b) => rank(b) - rank(a))
}

const meterCards = (measurement: Measurement): string => {
  const alike = byStart(measurement).slice(0, colours.length)
  const noised = alike.filter(({ start }) => start !== 'noise')
  const cards = shownMeters.map((shown) =>
    meterCard(
      shown,
      (shown.ofEnsemble === true ? alike : noised).map((course) =>
        meterLine(course, shown.meter, {
          name: startWords(course.start),
          colour: colours[alike.indexOf(course)],
        }),
      ),
    ),
  )
  const first = noised.at(0)
  if (first === undefined) return cards.join('')
  const pair = (one: Meter, other: Meter, names: readonly [string, string]): ReadonlyArray<Line> => [
    meterLine(first, one, { name: names[0], colour: colours[0] }),
    meterLine(first, other, { name: names[1], colour: colours[1] }),
  ]
  const [drift, ...others] = cards
  return [
    drift,
    meterCard(
      {
        title: 'Drift by frequency',
        text: `Its smooth and its fine part, ${startWords(first.start)}.`,
        y: { label: '', percent: true, logarithmic: true },
      },
      pair('drift_low', 'drift_high', ['low frequencies', 'high frequencies']),
    ),
    meterCard(
      {
        title: 'Length of the prediction',
        text: `Root mean square at ideal and at rolled-out latents, ${startWords(first.start)}.`,
        y: { label: '' },
      },
      pair('training_norm', 'sampling_norm', ['in training', 'in sampling']),
    ),
    ...others,
  ].join('')
}

/** Drift over time: of every course from noised data, and of one of them by frequency. */
const heatMaps = (measurement: Measurement): string => {
  const noised = measurement.courses.filter(({ start }) => start !== 'noise')
  const first = byStart(measurement).find(({ start }) => start !== 'noise')
  if (first === undefined) return ''
  const { edges } = measurement
  const bands = [...edges, undefined].map((to, band) => ({
    band,
    name:
      to === undefined
        ? `above ${edges.at(-1) ?? 0}`
        : `${edges.at(band - 1) !== undefined && band > 0 ? edges[band - 1] : 0} – ${to}`,
  }))
  return (
    section(
      'Drift by solver and steps',
      'How far each trajectory is from the noised data that it left, over its way from its start to data.',
      `<figure class="card">${heatMap(
        noised.map((course) => ({
          name: courseWords(course),
          cells: course.points.map(({ timestep, meters }) => ({ at: timestep, value: meters.drift.value })),
        })),
        { description: 'Drift by solver, steps and timestep', x: time },
      )}</figure>`,
    ) +
    section(
      'Drift by spatial frequency',
      `The drift within each band of frequencies, relative to the latent there, for ${courseWords(first)}; 1 is the finest detail that an axis can hold.`,
      `<figure class="card">${heatMap(
        bands
          .map(({ name, band }) => ({
            name,
            cells: first.points.map(({ timestep, spectrum }) => ({ at: timestep, value: spectrum[band] })),
          }))
          .filter(({ cells }) => cells.some(({ value }) => Number.isFinite(value)))
          .reverse(),
        { description: 'Drift by spatial frequency and timestep', x: time },
      )}</figure>`,
    )
  )
}

/** The summary of a measurement as an HTML table. */
const measurementTable = (measurement: Measurement): string =>
  `<div class="wide card"><table><tr><th>trajectory</th>${columns.map(({ title }) => `<th>${escaped(title)}</th>`).join('')}</tr>${measurementRows(
    measurement,
  )
    .map(
      ({ name, cells }) =>
        `<tr><td>${escaped(name)}</td>${cells.map(([value, reach]) => `<td>${escaped(value)} <small>${escaped(reach)}</small></td>`).join('')}</tr>`,
    )
    .join('')}</table></div>`

/**
 * What was measured of a run, as the sections of its report.
 *
 * @example
 * declare const measurement: Measurement
 * const html = measurementSections({ ...measurement, step: 500 }, [])
 */
export const measurementSections = (
  measurement: Measurement & { readonly step: number },
  strips: ReadonlyArray<DrawnStrip>,
): string => {
  const { samples, groups, step } = measurement
  const alike = byStart(measurement).at(0)
  return (
    section(
      'Drift, measured',
      `At step ${step.toLocaleString('en-US')}: ${samples.toLocaleString('en-US')} samples, rolled through the schedule with the model's own outputs${alike === undefined ? '' : `; curves for ${alike.solver} in ${alike.steps} steps`}. Bands and ± are 95 % intervals, by the jackknife over ${groups} groups of samples.`,
      `<div class="charts">${meterCards(measurement)}</div>`,
    ) +
    heatMaps(measurement) +
    section(
      'Trajectories',
      'For each sample three rows: the noised data, what the model made of it, and the difference; grey is none.',
      strips.length === 0
        ? ''
        : `<div class="sides">${strips.map(({ png, caption }) => image(png, caption, caption)).join('')}</div>`,
    ) +
    section(
      'Every trajectory',
      'Where it ends: drift with its low and high frequencies, ‖x̂0 − x0‖, its systematic share; the one-step bias and its cosine at the last evaluation; variance and sharpness relative to the data. From pure noise only the last two mean something.',
      measurementTable(measurement),
    )
  )
}
