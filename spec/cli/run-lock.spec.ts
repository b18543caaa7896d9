import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { beforeEach, describe, expect, it } from 'vitest'
import { holding, unheld } from '../../lib/cli/run-lock.js'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'run')
})

const lock = (): string => join(folder, '.lock')

/** Work that says what it finds in the lock. */
const work = TE.fromTask(() => readFile(lock(), 'utf8'))

/** Somebody's lock. */
const left = async (holder: object | string): Promise<void> => {
  await holding(folder)(TE.right(undefined))()
  await writeFile(lock(), typeof holder === 'string' ? holder : JSON.stringify(holder))
}

const mine = { pid: process.pid, host: hostname(), began: new Date(performance.timeOrigin).toISOString() }
const ended = (): number => spawnSync(process.execPath, ['-e', '']).pid

describe('a run folder', () => {
  it('is held while the work is done, however it ends, and free before and after', async () => {
    expect(await unheld(folder)()).toEqual(E.right(undefined))
    const held = await holding(folder)(work)()
    expect(E.isRight(held) && (JSON.parse(held.right) as unknown)).toEqual(mine)
    expect(await readdir(folder)).toEqual([])
    const failure = E.left({ _tag: 'DataError', message: '' } as const)
    expect(await holding(folder)(TE.fromEither(failure))()).toEqual(failure)
    expect(await readdir(folder)).toEqual([])
    expect(await unheld(folder)()).toEqual(E.right(undefined))
  })

  it.each([
    ['this very process', () => mine, `process ${process.pid} on ${hostname()} does`],
    ['another process that lives', () => ({ ...mine, pid: process.ppid }), `process ${process.ppid} on`],
    ['any process of another machine', () => ({ ...mine, pid: ended(), host: 'far' }), 'on far does'],
    ['nobody knows whom', () => '', 'somebody does'],
  ])('is refused to others while it is held by %s, and the way out is said', async (_, holder, message) => {
    await left(holder())
    const before = await readFile(lock(), 'utf8')
    for (const outcome of [await unheld(folder)(), await holding(folder)(work)()]) {
      expect(outcome).toMatchObject({ left: { _tag: 'ConfigError', problems: [{ key: 'output_dir' }] } })
      expect(outcome).toMatchObject({
        left: { message: expect.stringMatching(`${message}.*delete that file`) as string },
      })
    }
    expect(await readFile(lock(), 'utf8')).toBe(before)
  })

  it.each([
    ['a process that has ended', () => ({ ...mine, pid: ended() })],
    ['an earlier process of the same number', () => ({ ...mine, began: '2020-01-01T00:00:00.000Z' })],
  ])('is free after %s, to one of those who want it at once', async (_, holder) => {
    await left(holder())
    expect(await unheld(folder)()).toEqual(E.right(undefined))
    let [now, most] = [0, 0]
    const alone = TE.fromTask(async () => {
      most = Math.max(most, ++now)
      await setTimeout(50)
      now -= 1
    })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => holding(folder)(alone)()))
    expect(outcomes.filter(E.isRight)).toHaveLength(1)
    expect(most).toBe(1)
    expect(await readdir(folder)).toEqual([])
  })
})
