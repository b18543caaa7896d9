import { DOMParser } from 'linkedom'

/** The part of Plot's figures that is used here; its own types speak of a browser's, which Node does not have. */
const isElement = (u: unknown): u is { readonly outerHTML: string } =>
  typeof u === 'object' && u !== null && 'outerHTML' in u && typeof u.outerHTML === 'string'

/**
 * What Observable Plot draws on a document that is not a browser's, as the text of an SVG element.
 *
 * @example
 * const svg = drawnSvg(() => ({ outerHTML: '<svg></svg>' }))
 */
export const drawnSvg = (plot: (document: unknown) => unknown): string => {
  const drawn = plot(new DOMParser().parseFromString('<html></html>', 'text/html'))
  if (!isElement(drawn)) throw new Error('Observable Plot made something that is not an element')
  return drawn.outerHTML
}
