import * as Plot from '@observablehq/plot'
import { drawnSvg } from './drawn-svg.js'
import { escaped } from './escaped.js'

/** A row of a heat map: values along the horizontal axis, in the order of that axis. */
export type HeatRow = {
  readonly name: string
  readonly cells: ReadonlyArray<{ readonly at: number; readonly value: number }>
}

export type HeatMapOptions = {
  /** What the picture shows, for those who cannot see it. */
  readonly description: string
  readonly x: { readonly label: string; readonly reverse?: boolean }
}

/** Dark to light, and told apart by those who see no colours: Viridis, at five places. */
const colours = ['#440154', '#3b528b', '#21918c', '#5ec962', '#fde725'] as const

/** Each cell reaches half way to its neighbours. */
const boxes = ({ name, cells }: HeatRow) =>
  cells.map(({ at, value }, i) => {
    const before = cells.at(i - 1)
    const after = cells.at(i + 1)
    return {
      name,
      value,
      from: i === 0 || before === undefined ? at : (before.at + at) / 2,
      to: after === undefined ? at : (at + after.at) / 2,
    }
  })

const percent = (value: number): string => `${Number((100 * value).toPrecision(2))} %`

/**
 * Shares as colours, with a scale beneath: rows of cells along a common axis, whose cells may lie at other places in every row. HTML
 * with an SVG picture that needs no script.
 *
 * @example
 * const html = heatMap(
 *   [{ name: 'euler 10', cells: [{ at: 1000, value: 0 }, { at: 500, value: 0.1 }, { at: 0, value: 0.2 }] }],
 *   { description: 'Drift', x: { label: 'timestep', reverse: true } },
 * )
 */
export const heatMap = (rows: ReadonlyArray<HeatRow>, { description, x }: HeatMapOptions): string => {
  const cells = rows.flatMap(boxes).filter(({ value }) => Number.isFinite(value))
  const most = cells.reduce((a, { value }) => Math.max(a, value), 0)
  const longest = rows.reduce((length, { name }) => Math.max(length, name.length), 0)
  const svg = drawnSvg((document) =>
    Plot.plot({
      document,
      width: 880,
      height: 54 + 30 * rows.length,
      marginLeft: 24 + 7 * longest,
      marginTop: 8,
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
      },
      y: {
        label: null,
        domain: rows.map(({ name }) => name),
        tickSize: 0,
        labelArrow: 'none',
        padding: 0.08,
      },
      color: {
        type: 'linear',
        domain: colours.map((_, i) => (most * i) / (colours.length - 1)),
        range: [...colours],
      },
      marks: [Plot.barX(cells, { x1: 'from', x2: 'to', y: 'name', fill: 'value', insetRight: 0.5 })],
    }),
  )
  const scale = `<div class="scale"><span>0</span><i style="background:linear-gradient(90deg,${colours.join(',')})"></i><span>${escaped(percent(most))}</span></div>`
  return `${svg}${scale}`
}
