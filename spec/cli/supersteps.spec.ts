import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom } from 'rxjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { latestCheckpoint, loadCheckpoint } from '../../lib/checkpoint/index.js'
import {
  openMaterials,
  settled,
  steppingOn,
  subjectOf,
  superstepSteps,
  type Terminal,
  trainCommand,
  withRecipe,
} from '../../lib/cli/index.js'
import { type Config, decodeConfig, takesSupersteps, trainingMethods } from '../../lib/config/index.js'
import { batches } from '../../lib/data/index.js'
import { openEngine } from '../../lib/engine/index.js'
import { readMetrics } from '../../lib/report/index.js'
import { dataset, training } from '../../lib/stream/index.js'
import type { State } from '../../lib/train/index.js'
import type { DerivaError } from '../../lib/types/index.js'
import { configOf } from '../report/run.js'
import { distance } from '../train/distance.js'

const rightOf = <A>(either: E.Either<DerivaError, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message)
  return either.right
}

const expectSame = (a: State, b: State, tolerance: number): void => {
  expect(a.step).toBe(b.step)
  expect(distance(a.parameters, b.parameters)).toBeLessThan(tolerance)
  expect(distance(a.ema, b.ema)).toBeLessThan(tolerance)
  expect(Object.keys(a.slots)).toEqual(Object.keys(b.slots))
}

const tiny = {
  dataset: 'shapes',
  train_batch_size: 4,
  max_train_steps: 5,
  learning_rate: 1e-3,
  adam_epsilon: 1e-4,
  model: { type: 'dit', width: 8, depth: 1, heads: 1, patch: 4 },
}

const rolling = {
  ...tiny,
  scheduled_sampling_max_step_offset: 2,
  scheduled_sampling_step_stride: 100,
  scheduled_sampling_probability: 0.7,
  scheduled_sampling_sampler: 'euler',
}

/** The state that a configuration trains, as `deriva train` does it, but in this thread and without a folder. */
const trained = async (json: object): Promise<{ readonly state: State; readonly together: number }> => {
  const config = configOf(json)
  const engine = openEngine()
  const task = pipe(
    openMaterials(config),
    TE.chain((materials) =>
      withRecipe(settled(config, materials.dataset), (recipe) =>
        pipe(
          TE.fromEither(subjectOf(config, materials, recipe.parameterisation)),
          TE.chainW((subject) => steppingOn(engine)(config, recipe, subject)),
          TE.chainW(({ compiled, steps, together }) =>
            pipe(
              TE.tryCatch(
                async () => {
                  const { seed, max_train_steps: total } = config
                  const source = batches(materials.dataset, { batchSize: compiled.batchSize, seed })
                  const run = pipe(steps(dataset(source)), training(compiled, { steps: total, seed }))
                  return (await lastValueFrom(run)).state
                },
                (cause): DerivaError => ({ _tag: 'EngineError', message: String(cause) }),
              ),
              TE.chainW(compiled.read),
              TE.map((state) => ({ state, together })),
            ),
          ),
        ),
      ),
    ),
  )
  return rightOf(await task())
}

/** Options that several steps in a run can have. */
const together: ReadonlyArray<readonly [string, object]> = [
  ['with plain batches, which have classes', tiny],
  ['without an average, clipped by value', { ...tiny, use_ema: false, grad_clip_method: 'value' }],
  ['rolled out, with ReflexFlow', rolling],
  ['with longer rollouts along a ramp', { ...rolling, scheduled_sampling_ramp_steps: 4 }],
  ['rolled out under guidance', { ...rolling, scheduled_sampling_guidance: 3 }],
  ['towards corrected targets', { ...rolling, scheduled_sampling_target: 'corrected' }],
  [
    'from pure noise',
    { ...rolling, scheduled_sampling_source: 'trajectory', scheduled_sampling_step_stride: 500 },
  ],
  ['of an epsilon model', { ...rolling, prediction_type: 'epsilon', scheduled_sampling_sampler: 'ddim' }],
  ['of a v model with weights by noise', { ...rolling, prediction_type: 'v_prediction', snr_gamma: 5 }],
  ['perturbed', { ...tiny, input_perturbation: 0.1, input_perturbation_steps: 4 }],
  ['with few activations', { ...rolling, gradient_checkpointing: true }],
  ['in half precision, the loss scaled', { ...rolling, mixed_precision: 'fp16' }],
  ['by lion, in a schedule', { ...tiny, optimizer: 'lion', adam_epsilon: null, lr_scheduler: 'cosine' }],
  ...trainingMethods
    .filter((method) => method !== 'standard' && method !== 'dream')
    .map((training_method) => [`by the method ${training_method}`, { ...tiny, training_method }] as const),
]

describe('several steps in a run give the weights of single ones, to rounding,', () => {
  it.each(together)('%s', async (_, json) => {
    const [one, two] = [await trained(json), await trained({ ...json, superstep_steps: 2 })]
    expect([one.together, two.together]).toEqual([1, 2])
    expectSame(two.state, one.state, 'mixed_precision' in json ? 0.05 : 1e-3)
  })
})

/** Options that keep steps apart. */
const apart: ReadonlyArray<readonly [string, object]> = [
  ['gradient_accumulation_steps', { ...tiny, gradient_accumulation_steps: 2 }],
  ['training_method', { ...tiny, prediction_type: 'epsilon', training_method: 'dream' }],
  ['scheduled_sampling_backprop', { ...rolling, scheduled_sampling_backprop: 1 }],
  [
    'scheduled_sampling_renoise',
    { ...rolling, scheduled_sampling_renoise: 'in_place', scheduled_sampling_target: 'corrected' },
  ],
  ['input_perturbation', { ...rolling, input_perturbation: 0.1 }],
]

describe('what keeps steps apart', () => {
  it.each(apart)('is refused with both names where several are asked for: %s', (key, json) => {
    const refused = decodeConfig({ ...json, superstep_steps: 4 })
    expect(refused).toMatchObject({
      left: {
        problems: [
          {
            key: 'superstep_steps',
            value: 4,
            allowed: expect.stringMatching(`^1 or auto, since ${key} is`) as string,
          },
        ],
      },
    })
    for (const superstep_steps of [1, 'auto'])
      expect(E.isRight(decodeConfig({ ...json, superstep_steps }))).toBe(true)
  })

  it('is what recipes say it is', () => {
    const has = (config: Config): boolean => withRecipe(config, (recipe) => recipe.together !== undefined)
    for (const [all, possible] of [
      [apart, false],
      [together, true],
    ] as const)
      for (const [, json] of all)
        expect([takesSupersteps(configOf(json)), has(configOf(json))]).toEqual([possible, possible])
  })
})

describe('by itself', () => {
  const chosen = (json: object, device: 'cpu' | 'cuda' | 'webgpu', evaluations = 0): number =>
    superstepSteps(configOf({ ...tiny, ...json }), device, () => evaluations)

  it('a run is a step where nothing is copied, and many on CUDA', () => {
    expect([chosen({}, 'cpu'), chosen({}, 'webgpu'), chosen({}, 'cuda')]).toEqual([1, 1, 32])
    for (const [, json] of apart) expect(superstepSteps(configOf(json), 'cuda', () => 0)).toBe(1)
  })

  it('it is one where rollouts make the graph long, and what is asked for otherwise', () => {
    expect([1, 10, 40, 41].map((evaluations) => chosen({}, 'cuda', evaluations))).toEqual([32, 32, 32, 1])
    expect(chosen({ superstep_steps: 3 }, 'cpu', 100)).toBe(3)
  })
})

describe('deriva train with several steps a run', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deriva-'))
  })

  const words = [
    ['--dataset=shapes', '--train_batch_size=4', '--model.type=dit', '--model.width=8', '--model.depth=1'],
    ['--model.heads=1', '--model.patch=4', '--scheduled_sampling_max_step_offset=2', '--learning_rate=1e-3'],
    ['--scheduled_sampling_probability=0.5', '--adam_epsilon=1e-4', '--max_train_steps=11'],
    ['--checkpoint_step_interval=5', '--validation_step_interval=5', '--validation_num_images=4'],
    ['--validation_num_inference_steps=2', '--device=cpu'],
  ].flat()

  const train = async (
    name: string,
    more: ReadonlyArray<string>,
    told: (text: string) => void = () => undefined,
  ): Promise<number> => {
    const terminal: Terminal = { print: () => undefined, tell: told, interactive: false, columns: 80 }
    return rightOf(await trainCommand([...words, `--output_dir=${join(folder, name)}`, ...more], terminal)())
  }

  const state = async (name: string): Promise<State> => {
    const path = rightOf(await latestCheckpoint(join(folder, name))())
    return rightOf(await loadCheckpoint(path ?? '')()).state
  }

  const metrics = async (name: string) => rightOf(await readMetrics(join(folder, name))())

  it('leaves the folder of a run with single steps, a line a step, and the same weights to rounding', async () => {
    const notes: string[] = []
    expect(await train('single', [])).toBe(0)
    expect(await train('several', ['--superstep_steps=4'], (text) => notes.push(text))).toBe(0)
    expect(notes.join('\n')).toContain('4 steps a run')
    expectSame(await state('several'), await state('single'), 1e-3)
    const [one, several] = [await metrics('single'), await metrics('several')]
    expect(several.map(({ step }) => step)).toEqual(Array.from({ length: 11 }, (_, i) => i + 1))
    several.forEach(({ loss, learningRate, evaluations, rolledOut, cleanEvaluations }, i) => {
      expect({ learningRate, evaluations, rolledOut, cleanEvaluations }).toEqual({
        learningRate: one[i].learningRate,
        evaluations: one[i].evaluations,
        rolledOut: one[i].rolledOut,
        cleanEvaluations: one[i].cleanEvaluations,
      })
      expect(loss).toBeCloseTo(one[i].loss, 4)
    })
    const names = async (name: string): Promise<ReadonlyArray<string>> =>
      (await readdir(join(folder, name), { recursive: true })).sort()
    expect(await names('several')).toEqual(await names('single'))
  })

  it('trains adapters with dropout too', async () => {
    const adapted = {
      ...rolling,
      model: { path: join(folder, 'single', 'model.onnx') },
      model_type: 'lora',
      lora_rank: 2,
      lora_dropout: 0.5,
    }
    const [one, two] = [await trained(adapted), await trained({ ...adapted, superstep_steps: 2 })]
    expect(two.together).toBe(2)
    expectSame(two.state, one.state, 1e-3)
  })

  it('that is stopped finishes the run of steps under way and saves, and goes on bit for bit', async () => {
    let told = ''
    const stop = (text: string): void => {
      if (text.startsWith('step') && !told.includes('Finishing')) process.emit('SIGINT')
      told += `${text}\n`
    }
    expect(await train('stopped', ['--superstep_steps=4'], stop)).toBe(130)
    expect(told).toContain('Finishing the steps under way and saving')
    const { step } = await state('stopped')
    expect([4, 5, 9, 10]).toContain(step)
    expect(await train('stopped', ['--superstep_steps=4', '--resume_from_checkpoint=latest'])).toBe(0)
    for (const path of ['model.onnx', 'samples/step-000010.png', 'checkpoint-000011/optimizer.safetensors'])
      expect(
        Buffer.compare(
          await readFile(join(folder, 'stopped', path)),
          await readFile(join(folder, 'several', path)),
        ),
        path,
      ).toBe(0)
    expect((await metrics('stopped')).map(({ loss }) => loss)).toEqual(
      (await metrics('several')).map(({ loss }) => loss),
    )
  })
})
