import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** What README and docs link to is there: pages, headings, pictures, folders. Other sites are not asked. */

const root = join(import.meta.dirname, '..')

const pages = [
  join(root, 'README.md'),
  ...readdirSync(join(root, 'docs'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name)),
]

/** A page without its code, in which brackets mean other things. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '')

const targetsOf = (text: string): ReadonlyArray<string> =>
  [...prose(text).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target)

/** The anchors of a page's headings, as GitHub makes them. */
const anchorsOf = (text: string): ReadonlyArray<string> =>
  [...text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  )

const broken = (page: string, target: string): boolean => {
  if (/^[a-z]+:/.test(target)) return false
  const [file, ...anchors] = target.split('#')
  const path = file === '' ? page : resolve(dirname(page), file)
  if (!existsSync(path) || relative(root, path).startsWith('..')) return true
  if (anchors.length === 0 || !statSync(path).isFile()) return false
  const known = anchorsOf(readFileSync(path, 'utf8'))
  return anchors.some((anchor) => !known.includes(anchor))
}

describe('docs', () => {
  it.each(pages.map((page) => relative(root, page)))('all that %s links to is there', (name) => {
    const page = join(root, name)
    expect(targetsOf(readFileSync(page, 'utf8')).filter((target) => broken(page, target))).toEqual([])
  })

  it.each(pages.map((page) => relative(root, page)))(
    '%s describes its pictures for those who cannot see them',
    (name) => {
      const pictures = [
        ...prose(readFileSync(join(root, name), 'utf8')).matchAll(/!\[([^\]]*)\]\(([^()\s]+)\)/g),
      ]
      expect(
        pictures.filter(([, description]) => description.trim() === '').map(([, , target]) => target),
      ).toEqual([])
    },
  )

  it('knows a link that leads nowhere', () => {
    const readme = pages[0]
    expect(['docs/none.md', 'README.md#nothing', '../outside.md'].map((to) => broken(readme, to))).toEqual([
      true,
      true,
      true,
    ])
    expect(targetsOf('[a](b.md) `[c](d.md)` ![e](f.svg)')).toEqual(['b.md', 'f.svg'])
  })
})
