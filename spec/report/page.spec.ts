import { DOMParser } from 'linkedom'
import { describe, expect, it } from 'vitest'
import { encodePng, type Report, reportPage } from '../../lib/report/index.js'
import { configOf, metricsAt } from './run.js'

const png = await encodePng({ width: 1, height: 1, rgba: Uint8Array.of(1, 2, 3, 255) })()

const report: Report = {
  title: 'a <run> & more',
  config: configOf({ seed: 7, scheduled_sampling_max_step_offset: 10, scheduled_sampling_probability: 0.25 }),
  metrics: Array.from({ length: 200 }, (_, i) => metricsAt(i + 1)),
  grids: [100, 200].map((step) => ({ step, png })),
}

const count = (html: string, what: RegExp): number => [...html.matchAll(what)].length

describe('reportPage', () => {
  const html = reportPage(report)

  it('needs nothing from outside: no script, no link, no address but data and the namespaces of SVG', () => {
    expect(html).not.toMatch(/<script|<link|@import|url\(/i)
    const addresses = [...html.matchAll(/(?:src|href)="([^"]{0,30})/g)].map(([, address]) => address)
    expect(addresses.length).toBeGreaterThan(0)
    expect(addresses.every((address) => address.startsWith('data:image/png;base64,'))).toBe(true)
    expect(html.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:/)
  })

  it('shows the numbers of the run, its curves, its samples and its options', () => {
    expect(count(html, /<svg /g)).toBe(4)
    expect(count(html, /<img /g)).toBe(2)
    expect(html).toContain('step 200')
    expect(html).toContain('25 %')
    expect(html).toContain('25<')
    for (const heading of [
      'Samples',
      'Samples over time',
      'Loss',
      'Scheduled sampling',
      'Drift',
      'Configuration',
    ])
      expect(html).toContain(`<h2>${heading}</h2>`)
    expect(html).toContain('<td>seed</td><td>7</td>')
    expect(html).toContain('<td>model.type</td>')
  })

  it('draws curves through finite points', () => {
    const paths = [...html.matchAll(/<path[^>]* d="([^"]*)"/g)].map(([, d]) => d)
    expect(paths.length).toBeGreaterThan(4)
    expect(paths.some((d) => /NaN|Infinity/.test(d))).toBe(false)
  })

  it('is well-formed, and reads texts as texts', () => {
    expect(html).toContain('<h1>a &lt;run&gt; &amp; more</h1>')
    const page: unknown = new DOMParser().parseFromString(html, 'text/html')
    expect(page).toMatchObject({ title: 'a <run> & more · deriva' })
  })

  it('serves light and dark readers', () => {
    expect(html).toContain('prefers-color-scheme: dark')
    expect(html).toContain('stroke="var(--one)"')
  })

  it('says nothing of what did not happen', () => {
    const plain = reportPage({
      ...report,
      grids: [],
      metrics: report.metrics.map((m) => ({
        ...m,
        rolledOut: 0,
        rolloutProbability: 0,
        terms: { mse: m.loss },
      })),
    })
    expect(count(plain, /<svg /g)).toBe(1)
    expect(plain).not.toContain('<h2>Drift</h2>')
    expect(reportPage({ ...report, metrics: [], grids: [] })).toContain('<h2>Configuration</h2>')
  })

  it('stays small however long the run was', () => {
    const metrics = Array.from({ length: 20_000 }, (_, i) => metricsAt(i + 1, { loss: 1 + Math.sin(i) / 2 }))
    expect(reportPage({ ...report, metrics }).length).toBeLessThan(400_000)
  })

  it('leaves gaps for losses that are not finite', () => {
    const metrics = report.metrics.map((m, i) => (i === 100 ? { ...m, loss: NaN } : m))
    expect(reportPage({ ...report, metrics })).toContain('<h2>Loss</h2>')
  })
})
