import { readFileSync } from 'node:fs'
import { decodeSafetensors, encodeSafetensors } from 'deriva/checkpoint'
import { diffusersConfig, fromPeft, lora, merged, toDiffusers, withTensors } from 'deriva/lora'
import { adopted, dit } from 'deriva/model'
import { decode } from 'deriva/onnx'
import { float32, type Tensor } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { runModel, worstError } from '../onnx/run-model.js'
import { trainedModel } from '../../lib/train/index.js'
import { evaluated, left, random, somewhere, stirred } from './kit.js'
import { right } from '../either.js'

const file = (path: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/${path}`, import.meta.url)))
const saved = (path: string) => right(decodeSafetensors(file(path)))

/** A UNet of diffusers that was exported within a module of another name. */
const unet = right(
  adopted({
    graph: right(decode(file('exported/sdxl-dynamo-21-dynamic.onnx'))),
    parameterisation: 'epsilon',
  }),
)
const given = Object.fromEntries(
  Object.entries(saved('exported/sdxl.safetensors').tensors).flatMap(([name, tensor]) =>
    name.startsWith('in/') ? [[name.slice(3), tensor]] : [],
  ),
)

describe('a file that a pipeline of diffusers saved', () => {
  const { tensors, metadata } = saved('lora/diffusers/pytorch_lora_weights.safetensors')
  const { output } = saved('lora/diffusers/output.safetensors').tensors

  it('is read with the ranks and alphas of its metadata, and predicts what diffusers predicts', async () => {
    const adapted = right(fromPeft(unet, { tensors, metadata }))
    const scales = new Set(
      adapted.adapters.map(
        ({ weight, rank, alpha }) => `${weight.module.replace(/.*\.(?=[a-z])/, '')} ${rank} ${alpha}`,
      ),
    )
    expect([...scales].sort()).toEqual(['conv_shortcut 2 3', 'to_k 1 3', 'to_out.0 2 5'])
    const [predicted] = (await runModel(trainedModel(merged(adapted), {}), given)).values()
    expect(worstError(predicted, output)).toBeLessThan(1e-5)
  })

  it('says so where its metadata is damaged', () => {
    const read = (text: string) => diffusersConfig({ lora_adapter_metadata: text })
    expect(read('{')).toEqual(E.left('its lora_adapter_metadata is not JSON'))
    expect(read('[]')).toEqual(E.left('its lora_adapter_metadata is no object'))
    expect(left(fromPeft(unet, { tensors, metadata: { lora_adapter_metadata: '{}' } }))).toMatch(/lora_alpha/)
    expect(read('{"unet.r": 2, "transformer.x": 1, "lora_alpha": 3}')).toEqual(
      E.right({ r: 2, x: 1, lora_alpha: 3 }),
    )
  })
})

describe('a file for pipelines of diffusers', () => {
  const common = { parameterisation: 'flow_matching', sample: [1, 8, 8], classes: 3, seed: 3 } as const
  const transformer = stirred(dit({ ...common, width: 16, depth: 2, heads: 2 }))

  it.each(['lora', 'rslora'] as const)(
    'has the scale of %s folded into it, as it stands alone',
    async (variant) => {
      const targets = ['mlp.in', { weights: 'qkv', rank: 2, alpha: 5, split: 3, parts: [0, 2] }]
      const fresh = right(lora({ rank: 4, alpha: 6, targets, variant, seed: 1 })(transformer))
      const tensors = somewhere(fresh, 4)
      const written = encodeSafetensors(toDiffusers(fresh, tensors), { format: 'pt' })
      const again = right(fromPeft(transformer, right(decodeSafetensors(written))))
      expect(again.adapters.map(({ rank, alpha }) => alpha / rank)).toEqual(again.adapters.map(() => 1))
      const feeds = {
        latents: random([2, 1, 8, 8], 5),
        timestep: float32([2], [100, 900]),
        label: { type: 'int64', dims: [2], data: BigInt64Array.of(1n, 3n) },
      } as const
      const { a } = await evaluated({ a: withTensors(fresh, tensors).prediction }, feeds)
      const { b } = await evaluated({ b: again.prediction }, feeds)
      expect(worstError(b, a)).toBeLessThan(2e-6)
    },
  )

  it('names the part of the pipeline, and layers without what was wrapped around it', () => {
    const names = (adapted: Parameters<typeof toDiffusers>[0]): ReadonlyArray<string> =>
      Object.keys(toDiffusers(adapted))
    const options = { rank: 1, alpha: 1, seed: 1 }
    expect(names(right(lora({ ...options, targets: ['blocks.0.mlp.in'] })(transformer)))).toEqual([
      'transformer.blocks.0.mlp.in.lora_A.weight',
      'transformer.blocks.0.mlp.in.lora_B.weight',
    ])
    expect(names(right(lora({ ...options, targets: ['conv_in'] })(unet)))).toEqual([
      'unet.conv_in.lora_A.weight',
      'unet.conv_in.lora_B.weight',
    ])
  })
})

it('names of earlier trainers, and alphas beside them, are understood', () => {
  const [a, b] = [random([1, 4, 3, 3], 1), random([4, 1, 1, 1], 2)]
  const tensors = (alpha: Tensor): Readonly<Record<string, Tensor>> => ({
    'unet.conv_in.lora.down.weight': a,
    'unet.conv_in.lora_up.weight': b,
    'unet.conv_in.alpha': alpha,
  })
  const [adapter] = right(fromPeft(unet, { tensors: tensors(float32([], [0.5])) })).adapters
  expect(adapter).toMatchObject({ rank: 1, alpha: 0.5, variant: 'lora', weight: { module: 'model.conv_in' } })
  expect(left(fromPeft(unet, { tensors: tensors(float32([2], [1, 1])) }))).toBe(
    '"model.conv_in" has an alpha of [2], where one number is needed',
  )
})
