import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { InferenceSession } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeSafetensors, encodeSafetensors } from '../../lib/checkpoint/index.js'
import { inspectCommand, sampleCommand, type Terminal, trainCommand } from '../../lib/cli/index.js'
import { readModelFile, writeModelFile } from '../../lib/data/index.js'
import { openEngine, openSession } from '../../lib/engine/index.js'
import { fromPeft } from '../../lib/lora/index.js'
import { adopted, weightsOf } from '../../lib/model/index.js'
import { draft, type Graph, leaves } from '../../lib/onnx/index.js'
import { normal } from '../../lib/random/index.js'
import { sessionDenoiser } from '../../lib/train/index.js'
import { type Conditioning, float32, type Tensor } from '../../lib/types/index.js'

const fixtures = join(import.meta.dirname, '../fixtures/exported')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deriva-own-'))
})
afterAll(() => rm(folder, { recursive: true }))

const at = (...names: ReadonlyArray<string>): string => join(folder, ...names)

const told: string[] = []
const terminal: Terminal = {
  print: (text) => void told.push(text),
  tell: (text) => void told.push(text),
  interactive: false,
  columns: 80,
}

const done = async <A>(task: TE.TaskEither<{ readonly message: string }, A>): Promise<A> => {
  const outcome = await task()
  if (E.isLeft(outcome)) throw new Error(outcome.left.message)
  return outcome.right
}

const train = (...words: ReadonlyArray<string>): Promise<number> =>
  done(
    trainCommand(
      [
        '--train_batch_size=2',
        '--max_train_steps=2',
        '--learning_rate=1e-2',
        '--lr_warmup_steps=0',
        '--scheduled_sampling_max_step_offset=3',
        '--scheduled_sampling_probability=1',
        '--scheduled_sampling_ramp_steps=0',
        '--validation_num_images=2',
        '--validation_num_inference_steps=2',
        '--validation_steps=0',
        ...words,
      ],
      terminal,
    ),
  )

const tensorsIn = async (path: string): Promise<Readonly<Record<string, Tensor>>> => {
  const read = decodeSafetensors(new Uint8Array(await readFile(path)))
  if (E.isLeft(read)) throw new Error(read.left)
  return read.right.tensors
}

const drawn = (sample: number, ...dims: ReadonlyArray<number>): Tensor =>
  float32(
    dims,
    normal({ seed: 8, purpose: 'data', step: 0, sample }, new Float32Array(dims.reduce((a, b) => a * b))),
  )

const valuesOf = (graph: Graph): Readonly<Record<string, Tensor>> =>
  Object.fromEntries(
    leaves(Object.values(graph.outputs)).flatMap(({ node }) =>
      node.kind === 'parameter' ? [[node.name, node.initial]] : [],
    ),
  )

/** What ONNX Runtime computes with a file, on its own. */
const computed = async (
  path: string,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<ReadonlyArray<number>> => {
  const session = await done(
    openSession(draft({ ...(await done(readModelFile(path))), parameters: 'initializers' })),
  )
  const [output] = Object.values(await done(session.run(feeds)))
  await done(session.release)
  return Array.from(output.data, Number)
}

const largestDifference = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0)

describe('a UNet with three conditions, brought as a file', () => {
  const source = join(fixtures, 'sdxl-dynamo-21-dynamic.onnx')
  const shapes = { encoder_hidden_states: [5, 6], text_embeds: [5], time_ids: [6] } as const
  const conditioning = (rows: number): Conditioning =>
    Object.fromEntries(Object.entries(shapes).map(([name, dims], i) => [name, drawn(i + 1, rows, ...dims)]))
  const feeds = {
    ...conditioning(2),
    sample: drawn(9, 2, 4, 8, 8),
    timestep: { type: 'int64', dims: [2], data: BigInt64Array.of(17n, 803n) },
  } as const satisfies Readonly<Record<string, Tensor>>
  const common = ['--prediction_type=epsilon', '--caption_dropout_probability=0.1'] as const

  beforeAll(async () => {
    await writeFile(
      at('data.safetensors'),
      encodeSafetensors({
        latents: drawn(0, 6, 4, 8, 8),
        ...conditioning(6),
        'empty.text_embeds': float32([5], new Float32Array(5)),
      }),
    )
    await writeFile(at('prompts.safetensors'), encodeSafetensors(conditioning(2)))
  })

  const sampled = async (run: string): Promise<ReadonlyArray<number>> => {
    const out = at('drawn.safetensors')
    const options = { num: 2, steps: 2, seed: 5, conditioning: at('prompts.safetensors'), out } as const
    expect(await done(sampleCommand(at(run), options, terminal))).toBe(0)
    const { latents } = await tensorsIn(out)
    expect(latents.dims).toEqual([2, 4, 8, 8])
    return Array.from(latents.data, Number)
  }

  it('is trained, all of it, and comes back as the file that it was', async () => {
    expect(
      await train(
        `--model.path=${source}`,
        `--dataset=${at('data.safetensors')}`,
        ...common,
        `--output_dir=${at('full')}`,
      ),
    ).toBe(0)
    const [before, after] = [
      await done(readModelFile(source)),
      await done(readModelFile(at('full', 'model.onnx'))),
    ]
    const typed = ({ inputs, outputs }: Graph) => [
      inputs.map(({ node, type, shape }) => [node.kind === 'input' ? node.name : '', type, shape]),
      Object.entries(outputs).map(([name, { type, shape }]) => [name, type, shape]),
    ]
    expect(typed(after)).toEqual(typed(before))
    expect(after.metadata['prediction_type']).toBe('epsilon')
    const [was, is] = [valuesOf(before), valuesOf(after)]
    expect(Object.keys(is).sort()).toEqual(Object.keys(was).sort())
    // Every weight has been trained.
    expect(Object.keys(is).filter((name) => is[name].data.join() === was[name].data.join())).toEqual([])

    const state = await tensorsIn(at('full', 'checkpoint-000002', 'ema.safetensors'))
    expect(Object.keys(state).sort()).toEqual(Object.keys(is).sort())
    for (const [name, { data }] of Object.entries(is)) expect(data).toEqual(state[name].data)
    const pixels = await sampled('full')
    expect(pixels.every(Number.isFinite)).toBe(true)
    expect(await sampled('full')).toEqual(pixels)
  })

  it('is run by ONNX Runtime as it is', async () => {
    const session = await InferenceSession.create(at('full', 'model.onnx'), { logSeverityLevel: 4 })
    expect([...session.inputNames].sort()).toEqual(Object.keys(feeds).sort())
    await session.release()
    expect((await computed(at('full', 'model.onnx'), feeds)).every(Number.isFinite)).toBe(true)
  })

  it('can be trained further, in some of its weights', async () => {
    const before = valuesOf(await done(readModelFile(at('full', 'model.onnx'))))
    expect(
      await train(
        `--model.path=${at('full', 'model.onnx')}`,
        `--dataset=${at('data.safetensors')}`,
        ...common,
        '--trainable=*to_q*',
        `--output_dir=${at('further')}`,
      ),
    ).toBe(0)
    const after = valuesOf(await done(readModelFile(at('further', 'model.onnx'))))
    for (const [name, { data }] of Object.entries(after))
      expect(data.join() === before[name].data.join(), name).toBe(!name.includes('to_q'))
  })

  describe('whose weights stand beside it', () => {
    const base = (): string => at('base.onnx')
    const lora = (...words: ReadonlyArray<string>): Promise<number> =>
      train(
        `--model.path=${base()}`,
        `--dataset=${at('data.safetensors')}`,
        ...common,
        '--model_type=lora',
        '--lora_rank=2',
        '--lora_alpha=4',
        '--lora_targets=to_q,to_v,conv1',
        `--output_dir=${at('lora')}`,
        ...words,
      )

    beforeAll(async () => {
      const graph = await done(readModelFile(source))
      // Every tensor above a page stands beside.
      await done(writeModelFile(base(), { ...graph, parameters: 'initializers' }, 0))
    })

    it('gets adapters, and leaves the model and them', async () => {
      const before = await readFile(`${base()}.data`)
      expect(await lora()).toBe(0)
      expect(Buffer.compare(await readFile(`${base()}.data`), before)).toBe(0)
      expect(await readdir(at('lora'))).toEqual(
        expect.arrayContaining([
          'adapter_config.json',
          'adapter_model.safetensors',
          'model.onnx',
          'pytorch_lora_weights.safetensors',
        ]),
      )
      // A checkpoint has the adapters alone.
      const state = await tensorsIn(at('lora', 'checkpoint-000002', 'model.safetensors'))
      expect(Object.keys(state).every((name) => /lora_[AB]\.weight$/.test(name))).toBe(true)
    })

    it('computes the same with the adapters beside the base and in the merged file', async () => {
      const graph = await done(readModelFile(base()))
      const model = adopted({ graph, parameterisation: 'epsilon' })
      if (E.isLeft(model)) throw new Error(model.left.message)
      const config: unknown = JSON.parse(await readFile(at('lora', 'adapter_config.json'), 'utf8'))
      const tensors = await tensorsIn(at('lora', 'adapter_model.safetensors'))
      const adapted = fromPeft(model.right, { tensors, config })
      if (E.isLeft(adapted)) throw new Error(adapted.left)
      const outputs = { prediction: adapted.right.prediction }
      const session = await done(openEngine().open(draft({ outputs, parameters: 'initializers' })))
      const denoiser = sessionDenoiser(session, { parameterisation: 'epsilon', sample: [4, 8, 8] }, {})
      const { sample, timestep, ...given } = feeds
      const times = Float32Array.from(timestep.data, Number)
      if (sample.type !== 'float32') throw new Error('latents are float32')
      const beside = Array.from(await done(denoiser.predict(sample.data, times, given)))
      const merged = await computed(at('lora', 'model.onnx'), feeds)
      const plain = await computed(base(), feeds)
      expect(largestDifference(beside, merged)).toBeLessThan(1e-5)
      expect(largestDifference(plain, merged)).toBeGreaterThan(1e-3)
      expect(Object.keys(weightsOf(adapted.right)).length).toBe(Object.keys(tensors).length)
    })

    it('is drawn from, also where the merged weights stand beside it, and resumed', async () => {
      const whole = await sampled('lora')
      const path = at('lora', 'model.onnx')
      const graph = await done(readModelFile(path))
      await done(writeModelFile(path, { ...graph, parameters: 'initializers' }, 0))
      expect(await readdir(at('lora'))).toContain('model.onnx.data')
      expect(await sampled('lora')).toEqual(whole)
      expect(await done(inspectCommand(path, {}, terminal))).toBe(0)
      expect(await lora('--max_train_steps=3', '--resume_from_checkpoint=latest')).toBe(0)
      // The single file has taken the place of the two.
      expect(await readdir(at('lora'))).not.toContain('model.onnx.data')
    })
  })
})

describe('a transformer that is told the places of tokens', () => {
  it('is trained and drawn from with places that are the same for all samples', async () => {
    const shared = { 'shared.txt_ids': float32([4, 3], new Float32Array(12).fill(0.5)) }
    const rows = (n: number): Conditioning => ({
      encoder_hidden_states: drawn(1, n, 4, 8),
      pooled_projections: drawn(2, n, 6),
    })
    await writeFile(
      at('tokens.safetensors'),
      encodeSafetensors({ latents: drawn(3, 4, 9, 6), ...rows(4), ...shared }),
    )
    await writeFile(at('texts.safetensors'), encodeSafetensors(rows(2)))
    expect(
      await train(
        `--model.path=${join(fixtures, 'flux-dynamo-24.onnx')}`,
        `--dataset=${at('tokens.safetensors')}`,
        '--prediction_type=flow_matching',
        '--model.constants=img_ids=grid:1x9',
        '--model_type=lora',
        '--lora_rank=1',
        '--lora_targets=*to_k*',
        `--output_dir=${at('places')}`,
      ),
    ).toBe(0)
    await rm(at('tokens.safetensors'))
    const out = at('places.safetensors')
    const options = { num: 3, steps: 2, conditioning: at('texts.safetensors'), out } as const
    expect(await done(sampleCommand(at('places'), options, terminal))).toBe(0)
    expect((await tensorsIn(out))['latents'].dims).toEqual([3, 9, 6])
    // The places are inputs of the file that is left, as they were of the one that came.
    const { inputs } = await done(readModelFile(at('places', 'model.onnx')))
    const names = inputs.map(({ node }) => (node.kind === 'input' ? node.name : ''))
    expect(names).toEqual(expect.arrayContaining(['img_ids', 'txt_ids']))
  })
})
