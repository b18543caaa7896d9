import { mkdir, mkdtemp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  type CheckpointError,
  checkpoints,
  fitted,
  keepNewest,
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from '../../lib/checkpoint/index.js'
import { normal } from '../../lib/random/index.js'
import type { Parameters, State } from '../../lib/train/index.js'
import { float32, size } from '../../lib/types/index.js'

const drawn = (seed: number, shapes: Readonly<Record<string, ReadonlyArray<number>>>): Parameters =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, dims], sample) => [
      name,
      float32(
        dims,
        normal({ seed, purpose: 'initialisation', step: 0, sample }, new Float32Array(size(dims))),
      ),
    ]),
  )

const shapes = { 'conv.weight': [4, 1, 3, 3], 'conv.bias': [4], scale: [] }

const stateAt = (step: number): State => ({
  step,
  parameters: drawn(1, shapes),
  ema: drawn(2, shapes),
  slots: { first_moment: drawn(3, shapes), second_moment: drawn(4, shapes) },
})

const meta = { seed: 42, config: { prediction_type: 'flow_matching', model: { type: 'unet' } } }

const done = async <A>(task: TE.TaskEither<CheckpointError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

const failure = async (task: TE.TaskEither<CheckpointError, unknown>): Promise<CheckpointError> => {
  const result = await task()
  if (E.isRight(result)) throw new Error('expected a failure')
  return result.left
}

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'run')
})

describe('checkpoints', () => {
  it('come back bit for bit', async () => {
    const state = stateAt(500)
    const bias = state.parameters['conv.bias'].data
    bias.set([NaN, -0, Infinity, 1e-45])
    const path = await done(saveCheckpoint(folder, state, meta))
    expect(path).toBe(join(folder, 'checkpoint-000500'))
    expect((await readdir(path)).sort()).toEqual([
      'ema.safetensors',
      'model.safetensors',
      'optimizer.safetensors',
      'state.json',
    ])
    const read = await done(loadCheckpoint(path))
    expect(read).toEqual({ state, meta, path })
    const readBias = read.state.parameters['conv.bias'].data
    expect([...new Uint32Array(readBias.buffer)]).toEqual([
      ...new Uint32Array(bias.buffer, bias.byteOffset, 4),
    ])
  })

  it('do without an average where none is kept', async () => {
    const { parameters, ...state } = stateAt(1)
    const path = await done(saveCheckpoint(folder, { ...state, parameters, ema: parameters }, meta))
    expect(await readdir(path)).not.toContain('ema.safetensors')
    const read = await done(loadCheckpoint(path))
    expect(read.state.ema).toBe(read.state.parameters)
  })

  it('are replaced when the same step is saved again', async () => {
    await done(saveCheckpoint(folder, stateAt(7), meta))
    const path = await done(saveCheckpoint(folder, { ...stateAt(7), ema: drawn(9, shapes) }, meta))
    expect((await done(loadCheckpoint(path))).state.ema).toEqual(drawn(9, shapes))
    expect(await readdir(folder)).toEqual(['checkpoint-000007'])
  })

  it('are never seen in part: what a crash left under another name is no checkpoint, and is cleared away', async () => {
    await done(saveCheckpoint(folder, stateAt(1), meta))
    await mkdir(join(folder, '.checkpoint-000002.writing'))
    await writeFile(join(folder, '.checkpoint-000002.writing', 'model.safetensors'), 'half')
    expect(await done(latestCheckpoint(folder))).toBe(join(folder, 'checkpoint-000001'))
    await done(saveCheckpoint(folder, stateAt(2), meta))
    expect((await readdir(folder)).sort()).toEqual(['checkpoint-000001', 'checkpoint-000002'])
  })

  it('are ordered by step, and the newest are kept', async () => {
    for (const step of [9, 10, 1_000_000, 999_999]) await done(saveCheckpoint(folder, stateAt(step), meta))
    await mkdir(join(folder, 'checkpoint-best'))
    expect(await done(latestCheckpoint(folder))).toBe(join(folder, 'checkpoint-1000000'))
    await done(keepNewest(folder, 2))
    expect(await done(checkpoints(folder))).toEqual(
      ['checkpoint-999999', 'checkpoint-1000000'].map((name) => join(folder, name)),
    )
    expect(await readdir(folder)).toContain('checkpoint-best')
  })

  it('are none where there is no folder', async () => {
    expect(await done(latestCheckpoint(join(folder, 'nowhere')))).toBeUndefined()
  })

  it.each(['model.safetensors', 'ema.safetensors', 'optimizer.safetensors', 'state.json'])(
    'are refused when %s is cut off, changed or missing, and the error names it',
    async (name) => {
      const path = await done(saveCheckpoint(folder, stateAt(1), meta))
      const file = join(path, name)
      const bytes = await readFile(file)
      await truncate(file, bytes.length - 5)
      expect(await failure(loadCheckpoint(path))).toMatchObject({ _tag: 'CheckpointError', path: file })
      if (name !== 'state.json') {
        const changed = Uint8Array.from(bytes)
        changed[changed.length - 2] ^= 1
        await writeFile(file, changed)
        expect((await failure(loadCheckpoint(path))).message).toContain('SHA-256')
      }
      await writeFile(file, 'garbage')
      expect(await failure(loadCheckpoint(path))).toMatchObject({ path: file })
      await mkdir(join(folder, 'empty'))
      expect((await failure(loadCheckpoint(join(folder, 'empty')))).message).toContain('state.json')
    },
  )

  it('say what is wrong with a state.json of another making', async () => {
    const path = await done(saveCheckpoint(folder, stateAt(1), meta))
    await writeFile(join(path, 'state.json'), '{"format": 2, "step": -1}')
    expect((await failure(loadCheckpoint(path))).message).toMatch(/wrong or missing: format, step, seed/)
  })
})

describe('fitted', () => {
  it('passes a state on that fits', () => {
    expect(fitted('c', stateAt(5), stateAt(0), true)).toEqual(E.right(stateAt(5)))
  })

  it('drops an average that is no longer kept', () => {
    expect(fitted('c', stateAt(5), stateAt(0), false)).toMatchObject({
      right: { ema: stateAt(5).parameters },
    })
  })

  it('names the first parameter that does not fit', () => {
    const other = { ...stateAt(0), parameters: drawn(1, { ...shapes, 'conv.bias': [8] }) }
    expect(fitted('c', stateAt(5), other, true)).toMatchObject({
      left: {
        message: expect.stringContaining(
          'parameter "conv.bias" is [4] in the checkpoint and [8] in the model; resume with the model options',
        ) as string,
      },
    })
    const more = { ...stateAt(0), slots: { ...stateAt(0).slots, momentum: {} } }
    expect(fitted('c', stateAt(5), more, true)).toMatchObject({
      left: {
        message: expect.stringMatching(
          /momentum is not in the checkpoint; resume with the optimizer/,
        ) as string,
      },
    })
  })
})
