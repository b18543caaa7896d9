const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/**
 * Text as it has to stand in HTML to be read as that text, in elements and in quoted attributes.
 *
 * @example
 * const html = `<p>${escaped('1 < 2')}</p>`
 */
export const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => entities[character])
