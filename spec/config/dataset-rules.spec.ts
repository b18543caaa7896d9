import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { type DatasetFacts, datasetProblems, decodeConfig } from '../../lib/config/index.js'

const digits: DatasetFacts = {
  name: 'digits',
  shape: [1, 28, 28],
  classes: 10,
  size: 60_000,
  conditioning: { label: { type: 'int64', dims: [] } },
}

const problemsOf = (json: unknown, facts: Partial<DatasetFacts> = {}): ReadonlyArray<string> => {
  const config = decodeConfig(json)
  if (E.isLeft(config)) throw new Error(config.left.message)
  return datasetProblems(config.right, { ...digits, ...facts }).map(({ key }) => key)
}

describe('datasetProblems', () => {
  it.each([
    [{}, {}, []],
    [{ train_batch_size: 60_001 }, {}, ['train_batch_size']],
    [{ train_batch_size: 65 }, { size: 64 }, ['train_batch_size']],
    [{ gradient_accumulation_steps: 1000 }, {}, ['gradient_accumulation_steps']],
    [
      {
        scheduled_sampling_max_step_offset: 1,
        scheduled_sampling_probability: 1,
        scheduled_sampling_guidance: 2,
      },
      { classes: 0, conditioning: {} },
      ['scheduled_sampling_guidance'],
    ],
    [{ scheduled_sampling_guidance: 2 }, { classes: 0, conditioning: {} }, []],
    [{ model: { type: 'dit', patch: 5 } }, {}, ['model.patch']],
    [{ model: { type: 'dit', patch: 5, width: 20 } }, { shape: [3, 20, 20] }, []],
    [{ model: { type: 'unet', patch: 2, levels: 3 } }, {}, ['model.levels']],
    [{ model: { type: 'unet', levels: 4 } }, {}, ['model.levels']],
    [{ model: { type: 'unet', levels: 4 } }, { shape: [4, 32, 64] }, []],
    [{}, { shape: [2] }, ['model.type']],
    [{ model: { path: 'm.onnx' } }, { shape: [16, 2, 8, 8] }, []],
  ])('of %j with %j are %j', (json, facts, keys) => {
    expect(problemsOf(json, facts)).toEqual(keys)
  })
})
