import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reasonOf } from 'deriva/types'
import { expect, it } from 'vitest'

it('what the system refuses is told in words, and everything else as it is', async () => {
  const told = (task: Promise<unknown>): Promise<unknown> => task.then(() => 'done', reasonOf)
  expect(await told(readFile(join(tmpdir(), 'nowhere-at-all')))).toBe(
    'there is no such file or folder (ENOENT)',
  )
  expect(await told(writeFile(tmpdir(), ''))).toBe('this is a folder, not a file (EISDIR)')
  expect(reasonOf(new Error('cut off'))).toBe('cut off')
  expect(reasonOf(Object.assign(new Error('odd'), { code: 'toString' }))).toBe('odd')
  expect(reasonOf(new Error('corrupt header: '))).toBe('corrupt header')
  expect(reasonOf('text')).toBe('text')
})
