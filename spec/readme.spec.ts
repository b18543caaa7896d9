import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Descended } from 'deriva/stream'
import type { DerivaError } from 'deriva/types'
import { lastValueFrom, type Observable, toArray } from 'rxjs'
import { afterAll, describe, expect, it } from 'vitest'

/** The README's program, run as it stands but for its length and its folder. */

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const [, program = ''] = /^```ts\n([\s\S]*?)^```/m.exec(readme) ?? []
const folder = mkdtempSync(join(tmpdir(), 'deriva-readme-'))
// In a folder that git ignores, inside the project so that `deriva/…` means this checkout.
const copy = join(root, 'runs', `readme-program-${process.pid}.ts`)

const run = async (edit: (source: string) => string, steps: number): Promise<ReadonlyArray<Descended>> => {
  mkdirSync(join(root, 'runs'), { recursive: true })
  const shorter = program
    .replace('steps: 2000', `steps: ${steps}`)
    .replace('runs/program', folder)
    .replace('to: 0.25, steps: 500', 'to: 1, steps: 1')
  writeFileSync(copy, edit(shorter))
  // The name is made at run time, so the compiler cannot know what the module exports; the README's own check does.
  const module = (await import(`${copy}?${steps}`)) as {
    readonly steps: TaskEither<DerivaError, Observable<Descended>>
  }
  const made = await module.steps()
  if (E.isLeft(made)) throw new Error(made.left.message)
  return lastValueFrom(made.right.pipe(toArray()))
}

afterAll(() => {
  rmSync(copy, { force: true })
  rmSync(folder, { recursive: true, force: true })
})

describe('the program in the README', () => {
  it('trains on real digits with rollouts', async () => {
    const steps = await run((source) => source, 3)
    expect(steps.map(({ metrics }) => metrics.step)).toEqual([1, 2, 3])
    expect(steps[2].metrics.rolledOut).toBeGreaterThan(0)
    expect(steps.every(({ metrics }) => Number.isFinite(metrics.loss))).toBe(true)
    expect(readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3)
  })

  it('exchanges its solver by one word', async () => {
    const steps = await run(
      (source) => source.replace('unipc({ order: 2 })', 'rk4()').replace('{ unipc }', '{ rk4 }'),
      2,
    )
    expect(steps[1].metrics.evaluations % 4).toBe(0)
    expect(steps[1].metrics.evaluations).toBeGreaterThan(0)
  })
})
