import { describe, expect, it } from 'vitest'
import { chart, legend, type Line } from '../../lib/report/index.js'

const line = (values: ReadonlyArray<number>): Line => ({
  name: 'a & b',
  series: values.map((value, i) => ({ at: i + 1, value })),
  colour: 'var(--one)',
})

/** The curves: paths that are stroked with a colour of ours. */
const curves = (svg: string): ReadonlyArray<string> =>
  [...svg.matchAll(/<g[^>]*stroke="var\(--one\)"[^>]*><path[^>]*d="([^"]*)"/g)].map(([, d]) => d)

describe('chart', () => {
  it('draws one curve a line, as wide as the page, with its description', () => {
    const svg = chart([line([1, 2, 3]), line([3, 2, 1])], { description: 'Two lines', y: { label: 'value' } })
    expect(curves(svg)).toHaveLength(2)
    expect(svg).toContain('aria-label="Two lines"')
    expect(svg).toMatch(/viewBox="0 0 \d+ \d+"/)
  })

  it('leaves out what has no place: values that are not finite, and on a logarithmic axis what is 0 or next to it', () => {
    const points = (d: string): number => d.split(/[ML]/).length - 1
    const values = [NaN, 1, 0, 1e-9, -1, 0.5, Infinity, 0.25]
    const [linear] = curves(chart([line(values)], { description: '', y: { label: '' } }))
    const [logarithmic] = curves(
      chart([line(values)], { description: '', y: { label: '', logarithmic: true } }),
    )
    expect(points(linear)).toBe(6)
    expect(points(logarithmic)).toBe(3)
    expect(linear + logarithmic).not.toMatch(/NaN|Infinity/)
  })

  it('draws an empty frame where there is nothing to draw', () => {
    for (const logarithmic of [false, true])
      expect(chart([line([NaN])], { description: '', y: { label: '', logarithmic } })).toMatch(/^<svg /)
  })
})

describe('legend', () => {
  it('names every line, as text', () => {
    expect(legend([line([1])])).toContain('a &amp; b')
  })
})
