import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { eachMeter, type MeasuredCourse, type Measurement, type Meter } from '../../lib/measure/index.js'
import {
  comparisonPage,
  decodeMeasurement,
  encodeMeasurement,
  encodePng,
  estimateText,
  heatMap,
  measurementRows,
  type Report,
  reportPage,
} from '../../lib/report/index.js'
import { configOf, metricsAt } from './run.js'

/** A drift that grows with the way; what is measured at evaluations has nothing to say at the end. */
const course = (solver: string, steps: number, start: 'noise' | number, scale = 1): MeasuredCourse => {
  const first = start === 'noise' ? 1000 : start
  return {
    solver,
    steps,
    start,
    points: Array.from({ length: 6 }, (_, i) => {
      const timestep = first * (1 - i / 5)
      const of = (meter: Meter) => {
        const value = (meter === 'bias' || meter === 'cosine') && i === 5 ? NaN : scale * 0.1 * i
        return { value, low: 0.9 * value, high: 1.1 * value }
      }
      return { timestep, sigma: timestep / 1000, meters: eachMeter(of), spectrum: [0.1 * i, 0.2 * i, NaN] }
    }),
  }
}

const measurement = (scale = 1): Measurement & { readonly step: number } => ({
  step: 200,
  samples: 1256,
  groups: 8,
  seed: 0,
  edges: [0.25, 0.5],
  cut: 0.25,
  courses: ['noise' as const, 750, 500].flatMap((start) =>
    [10, 20].map((steps) => course('unipc', steps, start, scale)),
  ),
})

const png = await encodePng({ width: 1, height: 1, rgba: Uint8Array.of(1, 2, 3, 255) })()

const report = (title: string, scale: number, seed: number): Report => ({
  title,
  config: configOf({ seed }),
  metrics: Array.from({ length: 200 }, (_, i) => metricsAt(i + 1)),
  grids: [{ step: 200, png }],
  measurement: measurement(scale),
  strips: [{ file: 'from-750.png', caption: 'unipc in 10 steps, <all>', png }],
})

const count = (html: string, what: RegExp): number => [...html.matchAll(what)].length

const selfContained = (html: string): void => {
  expect(html).not.toMatch(/<script|<link|@import|url\(/i)
  expect(html.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:/)
  const paths = [...html.matchAll(/<path[^>]* d="([^"]*)"/g)].map(([, d]) => d)
  expect(paths.length).toBeGreaterThan(4)
  expect(paths.some((d) => /NaN|Infinity/.test(d))).toBe(false)
}

describe('measure.json', () => {
  it('comes back as it was, to six digits, with NaN where nothing could be known', () => {
    const strips = [{ file: 'from-noise.png', caption: 'noise' }]
    const text = encodeMeasurement({ ...measurement(1 / 3), strips })
    const back = decodeMeasurement(text)
    if (E.isLeft(back)) throw new Error(back.left)
    expect(back.right.strips).toEqual(strips)
    back.right.courses.forEach(({ points }, c) => {
      points.forEach(({ meters }, p) => {
        const { value } = measurement(1 / 3).courses[c].points[p].meters.drift
        expect(Math.abs(meters.drift.value - value)).toBeLessThan(1e-6)
      })
      expect(points.at(-1)?.meters.bias.value).toBeNaN()
    })
    expect(encodeMeasurement(back.right)).toBe(text)
  })

  it('is refused where it is something else', () => {
    expect(decodeMeasurement('{')).toEqual(E.left('not JSON'))
    expect(decodeMeasurement('{"samples": 3}')).toMatchObject({ _tag: 'Left' })
  })
})

describe('the report of a measured run', () => {
  const html = reportPage(report('run', 1, 1))

  it('needs nothing from outside, and draws every meter, both heat maps, strips and the table', () => {
    selfContained(html)
    for (const heading of [
      'Drift, measured',
      'Drift by solver and steps',
      'Drift by spatial frequency',
      'Trajectories',
      'Every trajectory',
    ])
      expect(html).toContain(`<h2>${heading}</h2>`)
    // Ten meters, two heat maps, and the four charts of training.
    expect(count(html, /<svg /g)).toBe(16)
    expect(html).toContain('At step 200: 1,256 samples')
    expect(html).toContain('unipc in 10 steps, &lt;all&gt;')
    // Frequencies that the pictures do not have make no row.
    expect(html).toContain('0.25 – 0.5')
    expect(html).not.toContain('above 0.5')
  })

  it('shows intervals as bands behind the curves', () => {
    expect(count(html, /fill-opacity="0\.16"/g)).toBeGreaterThan(10)
  })
})

describe('estimateText', () => {
  it('gives the value and half the interval', () => {
    expect(estimateText({ value: 0.5, low: 0.4, high: 0.6 }, true)).toEqual(['50 %', '± 10'])
    expect(estimateText({ value: 12.345, low: NaN, high: NaN }, false)).toEqual(['12.3', ''])
    expect(estimateText({ value: NaN, low: NaN, high: NaN }, false)).toEqual(['–', ''])
  })

  it('tells what is known at the end, and at the last evaluation where the model was not asked any more', () => {
    const [{ name, cells }] = measurementRows({ ...measurement(), courses: [course('euler', 10, 750)] })
    expect(name).toBe('euler 10 from t = 750')
    expect(cells[0][0]).toBe('50 %')
    expect(cells[5][0]).toBe('40 %')
  })
})

describe('heatMap', () => {
  it('draws a box for every value, and leaves out what is none', () => {
    const html = heatMap(
      [
        { name: 'a', cells: [3, 2, 1].map((at) => ({ at, value: at })) },
        {
          name: 'b',
          cells: [
            { at: 3, value: NaN },
            { at: 1, value: 0 },
          ],
        },
      ],
      { description: 'boxes', x: { label: 'timestep', reverse: true } },
    )
    expect(count(html, /<rect /g)).toBe(4)
    expect(html).toContain('300 %')
    expect(html).not.toContain('NaN')
  })
})

describe('comparisonPage', () => {
  const html = comparisonPage([report('first & last', 1, 1), report('second', 2, 2)])

  it('needs nothing from outside, and shows every run in every curve', () => {
    selfContained(html)
    expect(html).toContain('first &amp; last · second')
    expect(count(html, /<svg /g)).toBe(1 + 8)
    expect(count(html, /<img /g)).toBe(2)
  })

  it('tells which settings differ, and only those', () => {
    expect(html).toContain('<td>seed</td><td>1</td><td>2</td>')
    expect(html).not.toContain('<td>learning_rate</td>')
    expect(comparisonPage([report('a', 1, 1), report('b', 1, 1)])).toContain('the same settings')
  })

  it('compares only trajectories that all runs have', () => {
    const other = {
      ...report('b', 1, 2),
      measurement: { ...measurement(), courses: [course('euler', 4, 750)] },
    }
    const page = comparisonPage([report('a', 1, 1), other])
    expect(page).not.toContain('<h2>Drift, measured</h2>')
    expect(page).toContain('<h2>Loss</h2>')
  })
})
