import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { beforeEach, describe, expect, it } from 'vitest'
import { saveCheckpoint } from '../../lib/checkpoint/index.js'
import { type Departure, departureOf, stillDeparts } from '../../lib/cli/index.js'
import type { State } from '../../lib/train/index.js'
import type { DerivaError } from '../../lib/types/index.js'
import { float32 } from '../../lib/types/index.js'
import { configOf } from '../report/run.js'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'run')
})

const stateAt = (step: number): State => {
  const parameters = { w: float32([1], [step]) }
  return { step, parameters, ema: parameters, slots: {} }
}

const save = async (step: number, json: object = {}): Promise<string> => {
  const saved = await saveCheckpoint(folder, stateAt(step), { seed: 42, config: { ...configOf(json) } })()
  if (E.isLeft(saved)) throw new Error(saved.left.message)
  return saved.right
}

const depart = (json: object): Promise<E.Either<DerivaError, Departure>> =>
  departureOf(configOf({ output_dir: folder, ...json }))()

const refusal = (key: string): object => ({ left: { _tag: 'ConfigError', problems: [{ key }] } })

describe('departureOf', () => {
  it('starts afresh in a folder without a run, and nowhere else', async () => {
    expect(await depart({})).toEqual(E.right({ checkpoint: undefined, notes: [] }))
    await save(5)
    expect(await depart({})).toMatchObject(refusal('output_dir'))
  })

  it('is nowhere where no folder can be, and says so before anything is computed', async () => {
    await writeFile(folder, 'a file')
    for (const output_dir of [folder, join(folder, 'inside'), join(folder, 'deep', 'inside')])
      for (const from of [null, 'latest'])
        expect(await depart({ output_dir, resume_from_checkpoint: from })).toMatchObject(
          refusal('output_dir'),
        )
    expect(await depart({ output_dir: `${folder}-2/deep/inside` })).toMatchObject({ _tag: 'Right' })
  })

  it('finds the latest checkpoint, or starts afresh where there is none', async () => {
    expect(await depart({ resume_from_checkpoint: 'latest' })).toEqual(
      E.right({ checkpoint: undefined, notes: [] }),
    )
    await save(5)
    await save(10)
    expect(await depart({ resume_from_checkpoint: 'latest' })).toMatchObject({
      right: { checkpoint: { state: { step: 10 } }, notes: [] },
    })
  })

  it('takes the newest checkpoint by its path, and an older one only into another folder', async () => {
    const [older, newest] = [await save(5), await save(10)]
    expect(await depart({ resume_from_checkpoint: newest })).toMatchObject({
      right: { checkpoint: { state: { step: 10 } } },
    })
    expect(await depart({ resume_from_checkpoint: older })).toMatchObject(refusal('resume_from_checkpoint'))
    expect(await depart({ resume_from_checkpoint: older, output_dir: `${folder}-2` })).toMatchObject({
      right: { checkpoint: { state: { step: 5 } } },
    })
  })

  it('no longer stands where somebody else has trained in the folder meanwhile', async () => {
    const config = configOf({ output_dir: folder, resume_from_checkpoint: 'latest' })
    const [afresh, first] = [await depart(config), await save(5)]
    const resumed = await depart(config)
    if (E.isLeft(afresh) || E.isLeft(resumed)) throw new Error('refused')
    expect(await stillDeparts(config, afresh.right)()).toMatchObject(refusal('output_dir'))
    expect(await stillDeparts(config, resumed.right)()).toEqual(E.right(undefined))
    await save(10)
    expect(await stillDeparts(config, resumed.right)()).toMatchObject(refusal('output_dir'))
    const elsewhere = { ...config, output_dir: `${folder}-2`, resume_from_checkpoint: first }
    expect(await stillDeparts(elsewhere, resumed.right)()).toEqual(E.right(undefined))
  })

  it('refuses checkpoints that are missing, damaged or of another kind of run', async () => {
    expect(await depart({ resume_from_checkpoint: 'nowhere' })).toMatchObject(
      refusal('resume_from_checkpoint'),
    )
    const path = await save(5)
    expect(await depart({ resume_from_checkpoint: 'latest', prediction_type: 'epsilon' })).toMatchObject({
      left: { problems: [{ key: 'prediction_type' }, { key: 'beta_schedule' }] },
    })
    expect(await depart({ resume_from_checkpoint: 'latest', max_train_steps: 4 })).toMatchObject(
      refusal('max_train_steps'),
    )
    expect(await depart({ resume_from_checkpoint: 'latest', max_train_steps: 5 })).toMatchObject({
      right: { checkpoint: { path } },
    })
    const damaged = async (name: string, wayOut: string): Promise<void> => {
      await writeFile(join(name, 'model.safetensors'), 'garbage')
      expect(await depart({ resume_from_checkpoint: 'latest' })).toMatchObject(
        refusal('resume_from_checkpoint'),
      )
      expect(await depart({ resume_from_checkpoint: 'latest' })).toMatchObject({
        left: { message: expect.stringContaining(`Move it out of ${folder} to ${wayOut}: `) as string },
      })
    }
    const newest = await save(10)
    await damaged(newest, `go on from ${path}`)
    await rm(newest, { recursive: true })
    await damaged(path, 'begin again')
  })

  it('notes options that change what is trained, and only those', async () => {
    await save(5)
    const quiet = await depart({
      resume_from_checkpoint: 'latest',
      validation_steps: 3,
      checkpointing_steps: 9,
    })
    expect(quiet).toMatchObject({ right: { notes: [] } })
    const told = await depart({ resume_from_checkpoint: 'latest', learning_rate: 0.25, model: { depth: 2 } })
    expect(told).toMatchObject({
      right: { notes: [expect.stringMatching(/learning_rate .* → 0\.25, model\.depth 1 → 2/) as string] },
    })
  })
})
