import * as Plot from '@observablehq/plot'
import { drawnSvg } from './drawn-svg.js'
import { escaped } from './escaped.js'
import { type Series, thinned } from './series.js'

export type Line = {
  readonly name: string
  readonly series: Series
  /** A CSS colour, such as `var(--one)`. */
  readonly colour: string
  /** Drawn thin and pale, behind the others. */
  readonly faint?: boolean
  /** Drawn in dashes, to tell it from another of the same colour. */
  readonly dashed?: boolean
}

export type ChartOptions = {
  /** What the picture shows, for those who cannot see it. */
  readonly description: string
  /** The vertical axis: its label, and how its numbers are written. */
  readonly y: {
    readonly label: string
    readonly percent?: boolean
    readonly logarithmic?: boolean
    /** The value that a line marks, and that is always to be seen; not on a logarithmic axis. Default 0. */
    readonly mark?: number
  }
  /** The horizontal axis: training steps from left to right, unless told otherwise. */
  readonly x?: { readonly label: string; readonly reverse?: boolean }
  /** For charts that stand beside others: half as wide. */
  readonly narrow?: boolean
}

const height = 300

/** More points than this cannot be told apart on a screen. */
const most = 1200

/** A number on an axis. */
const tick = (value: number): string =>
  Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 20 })

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
 * Curves with their confidence bands as an SVG element, drawn by Observable Plot on a document that is not a browser's. Colours are
 * CSS, so that one picture serves light and dark pages; it scales with the page and needs no script.
 *
 * @example
 * const svg = chart([{ name: 'loss', series: [{ at: 1, value: 0.5 }], colour: 'var(--one)' }], {
 *   description: 'The loss over training',
 *   y: { label: 'loss' },
 * })
 */
export const chart = (
  lines: ReadonlyArray<Line>,
  { description, y, x = { label: 'step' }, narrow = false }: ChartOptions,
): string => {
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
  // An interval that goes below all curves goes on to the edge of a logarithmic picture.
  const least = drawn.flatMap(({ series }) => series).reduce((a, { value }) => Math.min(a, value), Infinity)
  const bottom = y.logarithmic === true ? least : -Infinity
  return drawnSvg((document) =>
    Plot.plot({
      document,
      width: narrow ? 460 : 880,
      height,
      marginLeft: 52,
      marginTop: y.label === '' ? 12 : 30,
      marginRight: 28,
      marginBottom: 38,
      ariaLabel: description,
      style: { fontSize: '13px', background: 'none' },
      x: {
        label: x.label,
        reverse: x.reverse === true,
        tickSize: 0,
        labelAnchor: 'right',
        labelArrow: 'none',
        ...(narrow ? { ticks: 5 } : {}),
      },
      y: {
        label: y.label,
        type: y.logarithmic === true ? 'log' : 'linear',
        grid: true,
        tickSize: 0,
        labelOffset: 40,
        labelArrow: 'none',
        // A function: of a format, a logarithmic scale would leave out labels as it sees fit.
        tickFormat: (value: number) => (y.percent === true ? `${tick(100 * value)}%` : tick(value)),
        ...(y.logarithmic === true ? { ticks: roundTicks(drawn) } : { nice: true, ticks: 5 }),
      },
      marks: [
        ...(y.logarithmic === true ? [] : [Plot.ruleY([y.mark ?? 0], { stroke: 'var(--rule)' })]),
        ...drawn.flatMap(({ series, colour }) => {
          const banded = series.filter(({ low = NaN, high = NaN }) => Number.isFinite(low) && high > bottom)
          return banded.length < 2
            ? []
            : [
                Plot.areaY(banded, {
                  x: 'at',
                  y1: ({ low = NaN }: { readonly low?: number }) => Math.max(low, bottom),
                  y2: 'high',
                  fill: colour,
                  fillOpacity: 0.16,
                }),
              ]
        }),
        ...drawn.map(({ series, colour, faint, dashed }) =>
          Plot.lineY(series, {
            x: 'at',
            y: 'value',
            stroke: colour,
            strokeWidth: faint === true ? 1 : 2.25,
            strokeOpacity: faint === true ? 0.35 : 1,
            strokeLinejoin: 'round',
            ...(dashed === true ? { strokeDasharray: '5 4' } : {}),
            curve: 'linear',
          }),
        ),
      ],
    }),
  )
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
      ({ name, colour, faint, dashed }) =>
        `<span class="key"><i${dashed === true ? ' class="dashed"' : ''} style="color:${colour};opacity:${faint === true ? 0.4 : 1}"></i>${escaped(name)}</span>`,
    )
    .join('')
