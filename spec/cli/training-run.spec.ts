import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Terminal, trainCommand } from '../../lib/cli/index.js'
import { readMetrics, readRunConfig } from '../../lib/report/index.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-'))
})

const silent: Terminal = { print: () => undefined, tell: () => undefined, interactive: false, columns: 80 }

const small = [
  '--dataset=shapes',
  '--train_batch_size=8',
  '--model.type=dit',
  '--model.width=8',
  '--model.depth=1',
  '--model.heads=2',
  '--scheduled_sampling_max_step_offset=4',
  '--scheduled_sampling_probability=0.5',
  '--lr_warmup_steps=2',
  '--validation_num_images=4',
  '--validation_num_inference_steps=2',
  '--validation_steps=0',
]

const train = async (name: string, ...words: ReadonlyArray<string>): Promise<number> => {
  const outcome = await trainCommand([...small, `--output_dir=${join(folder, name)}`, ...words], silent)()
  return E.isRight(outcome) ? outcome.right : outcome.left._tag === 'ConfigError' ? 2 : 1
}

const file = (...path: ReadonlyArray<string>): Promise<Uint8Array> => readFile(join(folder, ...path))

const losses = async (name: string): Promise<ReadonlyArray<readonly [number, number]>> => {
  const metrics = await readMetrics(join(folder, name))()
  return E.isRight(metrics) ? metrics.right.map(({ step, loss }) => [step, loss]) : []
}

describe('a training run', () => {
  it('that goes on from a checkpoint is the run that never stopped, bit for bit', async () => {
    expect(await train('whole', '--max_train_steps=6')).toBe(0)
    expect(await train('parts', '--max_train_steps=3')).toBe(0)
    expect(await train('parts', '--max_train_steps=6', '--resume_from_checkpoint=latest')).toBe(0)
    expect(await losses('parts')).toEqual(await losses('whole'))
    expect((await losses('whole')).map(([step]) => step)).toEqual([1, 2, 3, 4, 5, 6])
    for (const path of [
      ['model.onnx'],
      ['samples', 'step-000006.png'],
      ['checkpoint-000006', 'model.safetensors'],
      ['checkpoint-000006', 'ema.safetensors'],
      ['checkpoint-000006', 'optimizer.safetensors'],
    ])
      expect(Buffer.compare(await file('parts', ...path), await file('whole', ...path)), path.join('/')).toBe(
        0,
      )
  })

  it('keeps its resolved configuration, from which it could be started again', async () => {
    const config = await readRunConfig(join(folder, 'whole'))()
    expect(config).toMatchObject({
      right: { seed: 42, max_train_steps: 6, scheduled_sampling_reflexflow: true },
    })
  })

  it('keeps as many checkpoints as it is told', async () => {
    expect(
      await train('few', '--max_train_steps=5', '--checkpointing_steps=1', '--checkpoints_total_limit=2'),
    ).toBe(0)
    const names = await readdir(join(folder, 'few'))
    expect(names.filter((name) => name.startsWith('checkpoint-')).sort()).toEqual([
      'checkpoint-000004',
      'checkpoint-000005',
    ])
  })

  it('learns at points beside its samples (SOAR), and goes on with them bit for bit', async () => {
    const soar = [
      '--scheduled_sampling_renoise=beside',
      '--scheduled_sampling_renoise_points=2',
      '--scheduled_sampling_target=corrected',
      '--scheduled_sampling_reflexflow=false',
    ]
    expect(await train('soar', ...soar, '--max_train_steps=4')).toBe(0)
    expect(await train('soar-parts', ...soar, '--max_train_steps=2')).toBe(0)
    expect(await train('soar-parts', ...soar, '--max_train_steps=4', '--resume_from_checkpoint=latest')).toBe(
      0,
    )
    expect(Buffer.compare(await file('soar-parts', 'model.onnx'), await file('soar', 'model.onnx'))).toBe(0)
    const metrics = await readMetrics(join(folder, 'soar'))()
    const steps = E.isRight(metrics) ? metrics.right : []
    expect(steps).toHaveLength(4)
    for (const { loss, terms, rolledOut } of steps) {
      expect(Object.keys(terms)).toEqual(['mse', 'mse_points'])
      expect(loss).toBeCloseTo(terms.mse + terms.mse_points, 5)
      // Nothing is learnt at the points of samples that were not rolled out.
      expect(terms.mse_points > 0).toBe(rolledOut > 0)
    }
    expect(steps.some(({ rolledOut }) => rolledOut > 0)).toBe(true)
  })

  it('with nothing left to do leaves everything as it is', async () => {
    const before = await file('whole', 'model.onnx')
    expect(await train('whole', '--max_train_steps=6', '--resume_from_checkpoint=latest')).toBe(0)
    expect(Buffer.compare(await file('whole', 'model.onnx'), before)).toBe(0)
    expect(await losses('whole')).toHaveLength(6)
  })

  it('refuses a checkpoint of another model before it writes', async () => {
    const config = await file('whole', 'config.json')
    expect(await train('whole', '--resume_from_checkpoint=latest', '--model.width=16')).toBe(2)
    expect(Buffer.compare(await file('whole', 'config.json'), config)).toBe(0)
  })

  it('that fails says so, and what is left of it; its report is there to see why', async () => {
    const hopeless = ['--learning_rate=1e30', '--lr_warmup_steps=0', '--max_grad_norm=0']
    const words = [...hopeless, '--max_train_steps=50', '--checkpoint_step_interval=1']
    expect(
      await trainCommand([...small, `--output_dir=${join(folder, 'failing')}`, ...words], silent)(),
    ).toMatchObject({
      left: {
        _tag: 'TrainingError',
        message: expect.stringMatching(
          /failing\/checkpoint-000001 holds the weights that failed. Begin again, with other steps: deriva train \S+\/config.json --output_dir \S+\/failing-again --learning_rate 5e\+29$/,
        ) as string,
      },
    })
    expect(await readdir(join(folder, 'failing'))).toContain('report.html')
  })

  it.each(['epsilon', 'v_prediction', 'sample'])('trains %s models too', async (type) => {
    expect(
      await train(type, `--prediction_type=${type}`, '--max_train_steps=2', '--validation_sampler=dpm'),
    ).toBe(0)
    expect(await readdir(join(folder, type))).toContain('model.onnx')
  })
})
