import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { encodeSafetensors } from '../../lib/checkpoint/index.js'
import { openMaterials, settled, subjectOf, withRecipe } from '../../lib/cli/index.js'
import { optimizerNames, trainingMethods } from '../../lib/config/index.js'
import { batches } from '../../lib/data/index.js'
import { solverNames, solvers } from '../../lib/solver/index.js'
import { dataset, descend, training } from '../../lib/stream/index.js'
import { type Metrics, trainer } from '../../lib/train/index.js'
import { type DerivaError, float32, parameterisations } from '../../lib/types/index.js'
import { configOf } from '../report/run.js'

const tiny = {
  dataset: 'shapes',
  train_batch_size: 4,
  model: { type: 'dit', width: 8, depth: 1, heads: 1, patch: 8 },
  use_ema: false,
}

const rolling = {
  ...tiny,
  scheduled_sampling_max_step_offset: 3,
  scheduled_sampling_step_stride: 100,
  scheduled_sampling_probability: 1,
}

/** What the first step of training says. */
const firstStep = async (json: object): Promise<Metrics> => {
  const config = configOf(json)
  const taken = await pipe(
    openMaterials(config),
    TE.chain((materials) =>
      withRecipe(settled(config, materials.dataset), ({ parameterisation, trainer: options, lessons }) =>
        pipe(
          TE.fromEither(subjectOf(config, materials, parameterisation)),
          TE.chainW(({ model, trains }) => trainer({ ...options, model, trains, threads: 1 })),
          TE.chainW((compiled) =>
            TE.tryCatch(
              async (): Promise<Metrics> => {
                const source = batches(materials.dataset, {
                  batchSize: compiled.batchSize,
                  seed: 1,
                  dropout: 0,
                })
                const steps = pipe(
                  lessons(dataset(source)),
                  descend(compiled),
                  training(compiled, { steps: 1, seed: 1 }),
                )
                return (await lastValueFrom(steps)).metrics
              },
              (cause): DerivaError => ({ _tag: 'EngineError', message: String(cause) }),
            ),
          ),
        ),
      ),
    ),
  )()
  if (E.isLeft(taken)) throw new Error(taken.left.message)
  return taken.right
}

describe.each(parameterisations)('%s models', (prediction_type) => {
  it.each(solverNames)('roll out with %s', async (sampler) => {
    const { loss, evaluations, drift } = await firstStep({
      ...rolling,
      prediction_type,
      scheduled_sampling_sampler: sampler,
      scheduled_sampling_order: solvers[sampler].orders.at(-1),
    })
    expect(loss).toBeGreaterThan(0)
    expect(evaluations).toBeGreaterThan(0)
    expect(drift).toBeGreaterThan(0)
  })

  it.each([
    [
      'along the grid of a sampler',
      { scheduled_sampling_step_stride: 1, scheduled_sampling_inference_steps: 5 },
    ],
    ['from pure noise', { scheduled_sampling_source: 'trajectory', scheduled_sampling_max_step_offset: 10 }],
    ['towards corrected targets', { scheduled_sampling_target: 'corrected' }],
    [
      'and back to noisier times',
      { scheduled_sampling_renoise: 'in_place', scheduled_sampling_target: 'corrected' },
    ],
    [
      'and learn at noisier points beside',
      {
        scheduled_sampling_renoise: 'beside',
        scheduled_sampling_renoise_points: 2,
        scheduled_sampling_target: 'corrected',
        gradient_accumulation_steps: 2,
        input_perturbation: 0.1,
      },
    ],
    ['under guidance', { scheduled_sampling_guidance: 4.5 }],
    ['with gradient through the last step', { scheduled_sampling_backprop: 1 }],
    ['and are perturbed', { input_perturbation: 0.1, input_perturbation_steps: 10 }],
    ['with a robust loss', { loss_type: 'huber', use_sigma_squared_weighting: true }],
    [
      'in parts of a batch, with few activations',
      { gradient_accumulation_steps: 2, gradient_checkpointing: true, mixed_precision: 'fp16' },
    ],
  ])('roll out %s', async (_, change) => {
    const { loss } = await firstStep({ ...rolling, prediction_type, ...change })
    expect(Number.isFinite(loss)).toBe(true)
    expect(loss).toBeGreaterThan(0)
  })
})

describe('guidance', () => {
  it('is counted by a step as by the plan: twice the evaluations', async () => {
    const [plain, twice] = [
      await firstStep(rolling),
      await firstStep({ ...rolling, scheduled_sampling_guidance: 4.5 }),
    ]
    expect(twice.evaluations).toBe(2 * plain.evaluations)
    expect([twice.rolledOut, twice.cleanEvaluations]).toEqual([plain.rolledOut, plain.cleanEvaluations])
  })

  it('is refused where samples have nothing to leave out', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    const points = encodeSafetensors({ latents: float32([8, 1, 8, 8], new Float32Array(512)) })
    const path = join(folder, 'points.safetensors')
    await writeFile(path, points)
    await expect(firstStep({ ...rolling, dataset: path, scheduled_sampling_guidance: 4.5 })).rejects.toThrow(
      /scheduled_sampling_guidance.*nothing to leave out/s,
    )
  })
})

describe('a step', () => {
  it.each(trainingMethods)('is taken by the method %s', async (training_method) => {
    const prediction_type = training_method === 'dream' ? 'epsilon' : 'flow_matching'
    expect((await firstStep({ ...tiny, training_method, prediction_type })).loss).toBeGreaterThan(0)
  })

  it.each(optimizerNames)('is taken by %s', async (optimizer) => {
    expect((await firstStep({ ...tiny, optimizer })).loss).toBeGreaterThan(0)
  })

  it.each(['uniform', 'logit_normal', 'beta', 'mode'])(
    'is taken at %s timesteps',
    async (timestep_sampler) => {
      expect((await firstStep({ ...tiny, timestep_sampler, flow_schedule_shift: 3 })).loss).toBeGreaterThan(0)
    },
  )
})
