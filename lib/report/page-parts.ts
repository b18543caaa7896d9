import { chart, type ChartOptions, legend, type Line } from './chart.js'
import { escaped } from './escaped.js'
import { style } from './style.js'

/** The colours of curves, in the order of their use. */
export const colours = [
  'var(--one)',
  'var(--two)',
  'var(--three)',
  'var(--four)',
  'var(--five)',
  'var(--six)',
] as const

/**
 * A number for people: three digits, thousands whole.
 *
 * @example
 * const text = figures(0.12345) // '0.123'
 */
export const figures = (value: number): string =>
  Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)))

/**
 * A share for people.
 *
 * @example
 * const text = percent(0.25) // '25 %'
 */
export const percent = (share: number): string => `${figures(100 * share)} %`

/**
 * A heading, a sentence for readers, and what follows; nothing where nothing follows.
 *
 * @param content HTML
 * @example
 * const html = section('Samples', 'Drawn from noise.', '<img>')
 */
export const section = (title: string, text: string, content: string): string =>
  content === '' ? '' : `<section><h2>${escaped(title)}</h2><p>${escaped(text)}</p>${content}</section>`

/**
 * Curves with their legend, on a card; with a heading and a sentence of its own where it is one of several.
 *
 * @example
 * const html = card([{ name: 'loss', series: [], colour: 'var(--one)' }], { description: 'The loss', y: { label: 'loss' } })
 */
export const card = (
  lines: ReadonlyArray<Line>,
  options: ChartOptions,
  heading?: { readonly title: string; readonly text: string },
): string =>
  `<figure class="card">${heading === undefined ? '' : `<h3>${escaped(heading.title)}</h3><p>${escaped(heading.text)}</p>`}<div>${legend(lines)}</div>${chart(lines, options)}</figure>`

/**
 * A PNG file inside the page, with what it shows beneath.
 *
 * @param alternative what it shows, for those who cannot see it
 * @example
 * const html = image(new Uint8Array(0), 'Samples at step 100', 'step 100')
 */
export const image = (png: Uint8Array, alternative: string, caption: string): string =>
  `<figure><img alt="${escaped(alternative)}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"><figcaption>${escaped(caption)}</figcaption></figure>`

/**
 * A whole page: HTML that needs no network, no script and no other file, and follows the reader's light or dark theme.
 *
 * @param content HTML
 * @example
 * const html = page({ title: 'runs/mnist', subtitle: 'a run of deriva', content: '', footer: 'Made by deriva.' })
 */
export const page = ({
  title,
  subtitle,
  content,
  footer,
}: {
  readonly title: string
  readonly subtitle: string
  readonly content: string
  readonly footer: string
}): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} · deriva</title>
<style>${style}</style>
</head>
<body>
<main>
<header><h1>${escaped(title)}</h1><p>${escaped(subtitle)}</p></header>
${content}
<footer>${escaped(footer)}</footer>
</main>
</body>
</html>
`
