import * as Plot from '@observablehq/plot'
import { DOMParser } from 'linkedom'
import { escaped } from './escaped.js'
import { type Series, thinned } from './series.js'

export type Line = {
  readonly name: string
  readonly series: Series
  /** A CSS colour, such as `var(--one)`. */
  readonly colour: string
  /** Drawn thin and pale, behind the others. */
  readonly faint?: boolean
}

export type ChartOptions = {
  /** What the picture shows, for those who cannot see it. */
  readonly description: string
  /** The vertical axis: its label, and how its numbers are written. */
  readonly y: { readonly label: string; readonly percent?: boolean; readonly logarithmic?: boolean }
}

const width = 880
const height = 300

/** More points than this cannot be told apart on a screen. */
const most = 1200

/** The part of Plot's figures that is used here; its own types speak of a browser's, which Node does not have. */
const isElement = (u: unknown): u is { readonly outerHTML: string } =>
  typeof u === 'object' && u !== null && 'outerHTML' in u && typeof u.outerHTML === 'string'

/** 1, 2 and 5 times the powers of ten that the curves reach, or only the powers where those are many. */
const roundTicks = (lines: ReadonlyArray<Line>): ReadonlyArray<number> => {
  const values = lines.flatMap(({ series }) => series.map(({ value }) => value))
  const least = values.reduce((a, b) => Math.min(a, b), Infinity)
  const greatest = values.reduce((a, b) => Math.max(a, b), -Infinity)
  if (!(least <= greatest)) return []
  const [first, last] = [Math.floor(Math.log10(least)), Math.ceil(Math.log10(greatest))]
  const decades = Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i))
  return (decades.length > 4 ? decades : decades.flatMap((d) => [d, 2 * d, 5 * d])).filter(
    (tick) => tick >= least && tick <= greatest,
  )
}

/**
 * Curves over training steps as an SVG element, drawn by Observable Plot on a document that is not a browser's. Colours are
 * CSS, so that one picture serves light and dark pages; it scales with the page and needs no script.
 *
 * @example
 * const svg = chart([{ name: 'loss', series: [{ step: 1, value: 0.5 }], colour: 'var(--one)' }], {
 *   description: 'The loss over training',
 *   y: { label: 'loss' },
 * })
 */
export const chart = (lines: ReadonlyArray<Line>, { description, y }: ChartOptions): string => {
  const document: unknown = new DOMParser().parseFromString('<html></html>', 'text/html')
  const finite = lines.flatMap(({ series }) => series.filter(({ value }) => Number.isFinite(value)))
  // A curve that starts at almost nothing would press all others against the top.
  const floor =
    y.logarithmic === true ? finite.reduce((a, { value }) => Math.max(a, value), 0) / 1000 : -Infinity
  const drawn = lines.map((line) => ({
    ...line,
    series: thinned(
      line.series.filter(({ value }) => Number.isFinite(value) && value > floor),
      most,
    ),
  }))
  const svg: unknown = Plot.plot({
    document,
    width,
    height,
    marginLeft: 52,
    marginTop: 30,
    marginRight: 28,
    marginBottom: 38,
    ariaLabel: description,
    style: { fontSize: '13px', background: 'none' },
    x: { label: 'step', tickSize: 0, labelAnchor: 'right', labelArrow: 'none' },
    y: {
      label: y.label,
      type: y.logarithmic === true ? 'log' : 'linear',
      grid: true,
      tickSize: 0,
      labelOffset: 40,
      labelArrow: 'none',
      tickFormat: y.percent === true ? '.3~p' : '~g',
      ...(y.logarithmic === true ? { ticks: roundTicks(drawn) } : { nice: true, ticks: 5 }),
    },
    marks: [
      ...(y.logarithmic === true ? [] : [Plot.ruleY([0], { stroke: 'var(--rule)' })]),
      ...drawn.map(({ series, colour, faint }) =>
        Plot.lineY(series, {
          x: 'step',
          y: 'value',
          stroke: colour,
          strokeWidth: faint === true ? 1 : 2.25,
          strokeOpacity: faint === true ? 0.35 : 1,
          strokeLinejoin: 'round',
          curve: 'linear',
        }),
      ),
    ],
  })
  if (!isElement(svg)) throw new Error('Observable Plot made something that is not an element')
  return svg.outerHTML
}

/**
 * The colours and names of curves, as HTML.
 *
 * @example
 * const html = legend([{ name: 'loss', series: [], colour: 'var(--one)' }])
 */
export const legend = (lines: ReadonlyArray<Line>): string =>
  lines
    .map(
      ({ name, colour, faint }) =>
        `<span class="key"><i style="background:${colour};opacity:${faint === true ? 0.4 : 1}"></i>${escaped(name)}</span>`,
    )
    .join('')
