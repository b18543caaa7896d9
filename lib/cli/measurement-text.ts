import type { Measurement } from '../measure/index.js'
import { columns, measurementRows } from '../report/measurement-table.js'

/** A value and half its interval, as short as it goes: 12.3 ±0.4 %. */
const short = ([value, reach]: readonly [string, string]): string => {
  const [number = '', unit = ''] = value.split(' ')
  return [number, ...(reach === '' ? [] : [reach.replace(' ', '')]), ...(unit === '' ? [] : [unit])].join(' ')
}

/**
 * A measurement as a table of text: a line for each trajectory, with half the width of the 95 % intervals.
 *
 * @example
 * declare const measurement: Measurement
 * const text = measurementText(measurement)
 */
export const measurementText = (measurement: Measurement): string => {
  // The parts by frequency are in the report: they make lines too long to read.
  const shown = columns.map(({ title }) => title !== 'low' && title !== 'high' && title !== 'cosine')
  const table = [
    ['', ...columns.map(({ title }) => title)],
    ...measurementRows(measurement).map(({ name, cells }) => [name, ...cells.map(short)]),
  ].map(([name = '', ...cells]) => [name, ...cells.filter((_, i) => shown[i])])
  const widths = table[0].map((_, i) => table.reduce((most, row) => Math.max(most, row[i].length), 0))
  return [
    ...table.map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    ),
    '',
    `${measurement.samples} samples; ± is half a 95 % interval. Drift, return error, systematic share: at the end of each trajectory;`,
    'bias: at its last evaluation; variance and sharpness of its samples: relative to the data.',
  ].join('\n')
}
