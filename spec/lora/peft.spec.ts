import { decodeSafetensors, encodeSafetensors } from 'deriva/checkpoint'
import {
  adaptable,
  attached,
  freshAdapter,
  fromPeft,
  lora,
  type LoraTarget,
  scaling,
  toPeft,
  withTensors,
} from 'deriva/lora'
import { dit, unet } from 'deriva/model'
import { float16Bits } from 'deriva/onnx'
import { float32, int64, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { worstError } from '../onnx/run-model.js'
import { evaluated, left, random, somewhere, stirred } from './kit.js'
import { right } from '../either.js'

const common = { parameterisation: 'flow_matching', sample: [1, 8, 8], classes: 3, seed: 3 } as const
const transformer = stirred(dit({ ...common, width: 16, depth: 2, heads: 2 }))
const convolutional = stirred(unet({ ...common, width: 8, heads: 2 }))

const feeds = {
  latents: random([2, 1, 8, 8], 5),
  timestep: float32([2], [100, 900]),
  label: int64([2], [1, 3]),
}

/** Through bytes and text, as through files. */
const throughFiles = ({ tensors, config }: ReturnType<typeof toPeft>) => ({
  tensors: right(decodeSafetensors(encodeSafetensors(tensors, { format: 'pt' }))).tensors,
  config: JSON.parse(JSON.stringify(config)) as unknown,
})

const sliced: LoraTarget = { weights: 'qkv', split: 3, parts: [0, 2] }

describe('PEFT files', () => {
  it.each([
    ['dit', transformer, ['*'], 'lora'],
    [
      'dit with ranks and alphas of their own',
      transformer,
      [{ weights: 'qkv', rank: 2, alpha: 5 }, '*'],
      'lora',
    ],
    ['dit in slices', transformer, [sliced, 'out'], 'lora'],
    ['dit in slices, rsLoRA', transformer, [sliced, { weights: 'mlp.in', rank: 3 }], 'rslora'],
    ['unet', convolutional, ['*'], 'rslora'],
  ] as const)(
    'hold the adapters of a %s: read again, they predict the same',
    async (_, model, targets, variant) => {
      const fresh = right(lora({ rank: 4, alpha: 6, targets, variant, seed: 1 })(model))
      const tensors = somewhere(fresh, 4)
      const { a } = await evaluated({ a: withTensors(fresh, tensors).prediction }, feeds)
      for (const prefix of ['base_model.model', 'transformer', 'unet']) {
        const read = right(fromPeft(model, throughFiles(toPeft(fresh, tensors, prefix))))
        const { b } = await evaluated({ b: read.prediction }, feeds)
        expect(worstError(b, a)).toBeLessThan(2e-6)
      }
    },
  )

  it('have PEFT’s names, dimensions and configuration', () => {
    const targets: ReadonlyArray<LoraTarget> = [
      'blocks.1.mlp.in',
      'patches',
      { weights: 'blocks.1.attention.qkv', rank: 2 },
    ]
    const { tensors, config } = toPeft(right(lora({ rank: 4, alpha: 8, targets, seed: 1 })(transformer)))
    expect(Object.entries(tensors).map(([name, { dims }]) => [name, dims])).toEqual([
      ['base_model.model.blocks.1.mlp.in.lora_A.weight', [4, 16]],
      ['base_model.model.blocks.1.mlp.in.lora_B.weight', [64, 4]],
      ['base_model.model.patches.lora_A.weight', [4, 16]],
      ['base_model.model.patches.lora_B.weight', [16, 4]],
      ['base_model.model.blocks.1.attention.qkv.lora_A.weight', [2, 16]],
      ['base_model.model.blocks.1.attention.qkv.lora_B.weight', [48, 2]],
    ])
    expect(config).toMatchObject({
      peft_type: 'LORA',
      r: 4,
      lora_alpha: 8,
      use_rslora: false,
      target_modules: String.raw`blocks\.1\.mlp\.in|patches|blocks\.1\.attention\.qkv`,
      rank_pattern: { [String.raw`^blocks\.1\.attention\.qkv`]: 2 },
      alpha_pattern: {},
    })
    const kernel = toPeft(right(lora({ rank: 4, alpha: 8, targets: ['in'], seed: 1 })(convolutional)))
    expect(kernel.tensors['base_model.model.in.lora_A.weight'].dims).toEqual([4, 4, 3, 3])
    expect(kernel.tensors['base_model.model.in.lora_B.weight'].dims).toEqual([8, 4, 1, 1])
  })

  it('write slices as one adapter, A above each other and B along the diagonal, at the same scale', () => {
    const targets = [{ ...sliced, weights: 'blocks.0.attention.qkv' }]
    const fresh = right(lora({ rank: 1, alpha: 3, targets, variant: 'rslora', seed: 1 })(transformer))
    const q = random([16, 1], 1)
    const v = random([16, 1], 2)
    const module = 'blocks.0.attention.qkv'
    const moved = {
      ...somewhere(fresh, 1),
      [`${module}.0.lora_B.weight`]: q,
      [`${module}.2.lora_B.weight`]: v,
    }
    const { tensors, config } = toPeft(fresh, moved)
    expect(config).toMatchObject({ r: 2, use_rslora: true })
    expect(config.lora_alpha).toBeCloseTo(3 * Math.sqrt(2), 12)
    const b = tensors[`base_model.model.${module}.lora_B.weight`]
    expect(b.dims).toEqual([48, 2])
    const column = (r: number): ReadonlyArray<number> =>
      Array.from({ length: 48 }, (_, o) => Number(b.data[2 * o + r]))
    const nothing = new Array<number>(16).fill(0)
    expect(column(0)).toEqual([...q.data, ...nothing, ...nothing])
    expect(column(1)).toEqual([...nothing, ...nothing, ...v.data])
  })

  it('keep the scale of every adapter where both ways of scaling meet', () => {
    const mixed = attached(
      transformer,
      adaptable(transformer)
        .slice(0, 2)
        .map((weight, i) =>
          freshAdapter(weight, {
            rank: 16,
            alpha: 16,
            variant: i === 0 ? 'lora' : 'rslora',
            split: 1,
            seed: 1,
          }),
        ),
    )
    const again = right(fromPeft(transformer, throughFiles(toPeft(mixed))))
    expect(mixed.adapters.map(scaling)).toEqual([1, 4])
    const scales = ({ adapters }: typeof mixed) =>
      new Map(adapters.map((adapter) => [adapter.weight.module, scaling(adapter)]))
    expect(scales(again)).toEqual(scales(mixed))
  })

  const dims = { a: [2, 16], b: [48, 2] } as const
  const key = 'blocks.0.attention.qkv'
  const pair = (prefix: string, a: Tensor = random(dims.a, 1), b: Tensor = random(dims.b, 2)) => ({
    [`${prefix}${key}.lora_A.weight`]: a,
    [`${prefix}${key}.lora_B.weight`]: b,
  })

  it('are read with any known prefix, in half precision, and at alpha = rank without a configuration', () => {
    const half = ({ dims: of, data }: Tensor): Tensor => ({
      type: 'float16',
      dims: of,
      data: Uint16Array.from(data as Float32Array, float16Bits),
    })
    for (const prefix of ['', 'base_model.model.', 'transformer.', 'diffusion_model.']) {
      const tensors = pair(prefix, half(random(dims.a, 1)))
      const { adapters } = right(fromPeft(transformer, { tensors }))
      expect(adapters.map(({ rank, alpha, weight }) => [weight.module, rank, alpha])).toEqual([[key, 2, 2]])
      expect(worstError(adapters[0].parts[0].a.initial, random(dims.a, 1))).toBeLessThan(1e-3)
    }
    const named = Object.fromEntries(
      Object.entries(pair('base_model.model.')).map(([name, tensor]) => [
        name.replace('.weight', '.default.weight'),
        tensor,
      ]),
    )
    const config = {
      peft_type: 'LORA',
      lora_alpha: 4,
      use_rslora: true,
      alpha_pattern: { 'attention.qkv': 7 },
    }
    const [{ alpha, variant }] = right(fromPeft(transformer, { tensors: named, config })).adapters
    expect([alpha, variant]).toEqual([7, 'rslora'])
  })

  const config = { peft_type: 'LORA', lora_alpha: 4 }
  it.each<readonly [string, Readonly<Record<string, Tensor>>, unknown, string]>([
    ['another method', pair(''), { ...config, peft_type: 'IA3' }, 'lacks peft_type "LORA"'],
    ['no alpha', pair(''), { peft_type: 'LORA' }, 'lacks peft_type "LORA" or a number lora_alpha'],
    ['DoRA', pair(''), { ...config, use_dora: true }, 'asks for DoRA'],
    ['a broken pattern', pair(''), { ...config, alpha_pattern: { '(': 1 } }, 'is no regular expression'],
    ['no tensors', {}, config, 'no adapters'],
    ['other tensors', { 'head.weight': random([1], 1) }, config, '"head.weight" is no name of PEFT'],
    [
      'another model',
      { 'blocks.9.atention.qkv.lora_A.weight': random(dims.a, 1) },
      config,
      'fits no layer of the model; near ones: blocks.',
    ],
    ['half a pair', { [`${key}.lora_A.weight`]: random(dims.a, 1) }, config, 'has lora_A and no lora_B'],
    ['the other half', { [`${key}.lora_B.weight`]: random(dims.b, 1) }, config, 'has lora_B and no lora_A'],
    ['twice the same', { ...pair(''), ...pair('unet.') }, config, 'is there twice'],
    [
      'other lengths',
      pair('', random([2, 17], 1)),
      config,
      'a lora_A of float32[2, 17], where the layer and the rank need [2, 16]',
    ],
    [
      'other ranks',
      pair('', random([3, 16], 1)),
      config,
      'a lora_B of float32[48, 2], where the layer and the rank need [48, 3]',
    ],
    ['rank 0', pair('', random([0, 16], 1), random([48, 0], 1)), config, 'a lora_A of rank 0'],
    ['integers', pair('', int64([2, 16], new Array<number>(32).fill(1))), config, 'a lora_A of int64'],
  ])('are refused with %s', (_, tensors, given, message) => {
    expect(left(fromPeft(transformer, { tensors, config: given }))).toContain(message)
  })
})
