import { drawnSvg } from 'deriva/report'

/** The look of every picture of the guide; on white, since pages may be dark. */
export const look = {
  background: 'white',
  color: '#222',
  fontSize: '13px',
  fontFamily: 'system-ui, sans-serif',
}

/** Blue for what is ideal, orange for what the model makes, then others: told apart without red against green. */
export const colours = ['#2563eb', '#d9660b', '#12876a', '#9333ea'] as const

/** A picture as an SVG file of its own. */
export const svgFile = (plot: (document: unknown) => unknown): string =>
  `${drawnSvg(plot).replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"')}\n`
