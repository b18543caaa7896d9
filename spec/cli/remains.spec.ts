import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeConfig } from 'deriva/config'
import { remains } from '../../lib/cli/remains.js'
import { right } from '../either.js'

const folder = mkdtempSync(join(tmpdir(), 'deriva-remains-'))
const run = join(folder, 'run')
const config = right(decodeConfig({ output_dir: run, learning_rate: 0.5 }))
const failedAt = (step: number) => ({ _tag: 'TrainingError', step, message: '' }) as const

beforeAll(() => {
  for (const name of ['checkpoint-000010', 'checkpoint-000020'])
    mkdirSync(join(run, name), { recursive: true })
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

describe('what is left of a run that failed', () => {
  it('is its newest checkpoint', async () => {
    expect(await remains(config, { _tag: 'EngineError', message: '' })()).toBe(
      `\n${run}/checkpoint-000020 is complete. Go on with: deriva train ${run}/config.json --resume_from_checkpoint latest`,
    )
  })

  it('is gone on from with other steps, where these led to no number', async () => {
    expect(await remains(config, failedAt(23))()).toBe(
      `\n${run}/checkpoint-000020 is complete, and the same steps would fail again. Go on with others: deriva train ${run}/config.json --resume_from_checkpoint latest --learning_rate 0.25`,
    )
  })

  it('is the checkpoint before weights that fail by themselves, in another folder', async () => {
    expect(await remains(config, failedAt(20))()).toContain(
      ` --resume_from_checkpoint ${run}/checkpoint-000010 --output_dir ${run}-again --learning_rate 0.25`,
    )
    expect(await remains(config, failedAt(10))()).toContain(
      `${run}/checkpoint-000020 holds the weights that failed. Begin again, with other steps: deriva train ${run}/config.json --output_dir ${run}-again`,
    )
  })

  it('is nothing where nothing was saved', async () => {
    const empty = right(decodeConfig({ output_dir: join(folder, 'none') }))
    expect(await remains(empty, failedAt(3))()).toBe('')
    expect(await remains(empty, { _tag: 'EngineError', message: '' })()).toBe('')
  })
})
