import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { flow } from 'deriva/path'
import type { Verdict } from 'deriva/laws'
import { program, type SolverName, solverNames, solvers, trailing } from 'deriva/solver'
import { format, resolveConfig } from 'prettier'
import { afterAll, describe, expect, it } from 'vitest'

const path = new URL('../../docs/solvers.md', import.meta.url).pathname
const runs = join(import.meta.dirname, '../../runs')
const copy = join(runs, `solvers-manual-${process.pid}.ts`)
const manual = readFileSync(path, 'utf8')

/** Model calls for each step more, once a trajectory is under way. */
const evaluations = (name: SolverName): number => {
  const { orders } = solvers[name]
  const solver = solvers[name]({ order: orders[orders.length - 1] })
  const calls = (steps: number): number =>
    program(solver, flow(), 'flow_matching', trailing(flow(), steps)).evaluations.length
  return (calls(36) - calls(24)) / 12
}

const range = (orders: ReadonlyArray<number>): string =>
  orders.length === 1 ? `${orders[0]}` : `${orders[0]} – ${orders[orders.length - 1]}`

const table = [
  '| name | what it is | orders | evaluations |',
  '| --- | --- | --- | --- |',
  ...solverNames.map(
    (name) =>
      `| \`${name}\` | ${solvers[name].summary} | ${range(solvers[name].orders)} | ${evaluations(name)} |`,
  ),
].join('\n')

afterAll(() => {
  rmSync(copy, { force: true })
})

describe('docs/solvers.md', () => {
  it('has the catalogue as the registry has it', async () => {
    const expected = await format(table, { ...(await resolveConfig(path)), parser: 'markdown' })
    const [start, end] = ['<!-- catalogue -->', '<!-- /catalogue -->']
    const section = (text: string): string => `${start}\n\n${text}\n${end}`
    // After a change of the registry: UPDATE=1 npx vitest run spec/solver/manual.spec.ts
    if (process.env['UPDATE'] !== undefined)
      writeFileSync(path, manual.replace(new RegExp(`${start}[\\s\\S]*${end}`), section(expected)))
    else expect(manual).toContain(section(expected))
  })

  it('shows a solver of 20 lines that keeps all laws', async () => {
    const snippets = [...manual.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, text]) => text)
    const code = snippets.find((text) => text.includes('deriva/laws')) ?? ''
    const run = /run: \(V\) =>[\s\S]*?^ {4}},/m.exec(code)?.[0] ?? ''
    expect(run).toContain('yield')
    expect(run.split('\n').length).toBeLessThanOrEqual(20)
    // In a folder that git ignores, inside the project so that `deriva/…` means this checkout.
    mkdirSync(runs, { recursive: true })
    writeFileSync(copy, code)
    // The name is made at run time, so the compiler cannot know what the module exports.
    const { verdict, report } = (await import(copy)) as { readonly verdict: Verdict; readonly report: string }
    expect(verdict.passed, report).toBe(true)
    expect(verdict.judgements.length).toBeGreaterThanOrEqual(10)
  })
})
