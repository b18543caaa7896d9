import { adaptable, adapterTensors, lora, type LoraOptions, type LoraTarget } from 'deriva/lora'
import { dit, mlp, parameterCount, unet } from 'deriva/model'
import {
  add,
  constant,
  conv,
  input,
  matMul,
  mul,
  parameter,
  softmax,
  transpose,
  type Value,
} from 'deriva/onnx'
import { float32 } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { left, modelOf, parametersOf, random } from './kit.js'
import { right } from '../either.js'

const tiny = { parameterisation: 'flow_matching', seed: 3 } as const
const transformer = dit({ ...tiny, sample: [1, 8, 8], classes: 3, width: 16, depth: 2, heads: 2 })
const convolutional = unet({ ...tiny, sample: [1, 8, 8], classes: 3, width: 8, heads: 2 })

const options = { rank: 4, alpha: 8, targets: ['qkv'], seed: 1 } satisfies LoraOptions

const modulesOf = (targets: ReadonlyArray<LoraTarget>): ReadonlyArray<string> =>
  right(lora({ ...options, targets })(transformer)).adapters.map(({ weight }) => weight.module)

const matrix = (name: string, dims: ReadonlyArray<number> = [4, 4]): Value =>
  parameter(name, random(dims, name.length))

const x = input('x', 'float32', ['batch', 4])

describe('targets', () => {
  it('names layers by their end, by a pattern, by an expression or by a function', () => {
    const blocks = ['blocks.0.attention.qkv', 'blocks.1.attention.qkv']
    expect(modulesOf(['qkv'])).toEqual(blocks)
    expect(modulesOf(['attention.qkv'])).toEqual(blocks)
    expect(modulesOf(['blocks.0.attention.qkv'])).toEqual(blocks.slice(0, 1))
    expect(modulesOf(['blocks.0.attention.qkv.weight'])).toEqual(blocks.slice(0, 1))
    expect(modulesOf(['blocks.*.qkv'])).toEqual(blocks)
    expect(modulesOf([/blocks\.1.*qkv/g])).toEqual(blocks.slice(1))
    expect(modulesOf([(name, dims) => name.includes('attention') && dims[1] === 48])).toEqual(blocks)
    expect(modulesOf(['*'])).toEqual(adaptable(transformer).map(({ module }) => module))
  })

  it('passes over what can have no adapter, and counts a weight for the first target that names it', () => {
    const { adapters } = right(
      lora({ ...options, targets: [{ weights: 'blocks.0.*', rank: 2 }, 'blocks.*.mlp.*'] })(transformer),
    )
    const ranks = Object.fromEntries(adapters.map(({ weight, rank }) => [weight.module, rank]))
    expect(ranks['blocks.0.mlp.in']).toBe(2)
    expect(ranks['blocks.1.mlp.in']).toBe(4)
    expect(Object.keys(ranks)).not.toContain('blocks.0.mlp.in.bias')
  })

  it('refuses one that matches nothing, with near names and all that could be named', () => {
    const error = left(lora({ ...options, targets: ['atention.qvk', 'blocks.*.mlp.on'] })(transformer))
    expect(error._tag).toBe('ConfigError')
    expect(error.problems.map(({ key, value }) => [key, value])).toEqual([
      ['targets[0]', 'atention.qvk'],
      ['targets[1]', 'blocks.*.mlp.on'],
    ])
    expect(error.message).toContain('lora.targets[0] "atention.qvk": matches no weight; near ones: blocks.')
    expect(error.message).toContain('attention.qkv')
    expect(error.message).toMatch(/weights that can have adapters: .*patches.* and \d+ more/)
    expect(left(lora({ ...options, targets: [/zzz/, () => false] })(transformer)).message).toContain(
      'lora.targets[0] /zzz/: matches no weight; weights that can',
    )
  })

  it('says why what it matches can have no adapter', () => {
    const message = (prediction: Value): string =>
      left(lora({ ...options, targets: ['w'] })(modelOf(prediction))).message
    expect(message(add(x, matrix('w', [4])))).toContain('w is read by Add')
    expect(message(mul(matMul(x, matrix('w')), softmax(matrix('w'), 1)))).toContain('w is read by')
    expect(message(matMul(x, matMul(matrix('w'), matrix('v'))))).toContain(
      'w is multiplied by another weight',
    )
    const both = matrix('w')
    expect(message(matMul(matMul(x, both), transpose(both, [1, 0])))).toContain(
      'both as it is and transposed',
    )
    expect(message(matMul(input('x', 'float32', [2, 3, 4]), matrix('w', [2, 4, 4])))).toContain('is a stack')
    const image = input('x', 'float32', [1, 4, 5, 5])
    expect(message(conv(image, matrix('w', [4, 2, 3, 3]), undefined, { group: 2 }))).toContain('in 2 groups')
    const half = { type: 'float16', dims: [4, 4], data: new Uint16Array(16) } as const
    expect(message(matMul(input('h', 'float16', [1, 4]), parameter('w', half)))).toContain('is float16')
    expect(message(matMul(x, constant(float32([4, 4], new Float32Array(16)))))).toContain('matches no weight')
  })

  it.each<readonly [Partial<LoraOptions>, string]>([
    [{ rank: 0 }, 'rank'],
    [{ rank: 1.5 }, 'rank'],
    [{ alpha: 0 }, 'alpha'],
    [{ alpha: NaN }, 'alpha'],
    [{ seed: -1 }, 'seed'],
    [{ targets: [] }, 'targets'],
    [{ targets: [{ weights: 'qkv', split: 5 }] }, 'targets[0].split'],
    [{ targets: [{ weights: 'qkv', split: 0 }] }, 'targets[0].split'],
    [{ targets: [{ weights: 'qkv', split: 3, parts: [3] }] }, 'targets[0].parts'],
    [{ targets: [{ weights: 'qkv', split: 3, parts: [1, 1] }] }, 'targets[0].parts'],
    [{ targets: [{ weights: 'qkv', split: 3, parts: [] }] }, 'targets[0].parts'],
    [{ targets: ['out', { weights: 'qkv', rank: 0 }] }, 'targets[1].rank'],
  ])('refuses %o', (wrong, key) => {
    expect(left(lora({ ...options, ...wrong })(transformer)).problems.map((each) => each.key)).toContain(key)
  })
})

describe('adapters', () => {
  it('have rank·(in·kernel + out) weights each, and nothing else trains', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(transformer, convolutional, mlp({ ...tiny, sample: [3] })),
        (rank, model) => {
          const adapted = right(lora({ ...options, rank, targets: ['*'] })(model))
          const expected = adaptable(model).reduce((n, { inputs, outputs, kernel, initial }) => {
            // A weight has in·kernel·out elements however it is stored.
            expect(initial.data.length).toBe(inputs * kernel.reduce((a, b) => a * b, 1) * outputs)
            return n + rank * (initial.data.length / outputs + outputs)
          }, 0)
          expect(parameterCount(adapted)).toBe(expected)
          const trained = parametersOf(adapted.prediction).map(({ name }) => name)
          expect(trained.every((name) => /\.lora_[AB]\.weight$/.test(name))).toBe(true)
          expect(new Set(trained)).toEqual(new Set(Object.keys(adapterTensors(adapted))))
        },
      ),
      { numRuns: 12 },
    )
  })

  it('have rank·slices·(in + out/split) weights in slices, under the numbers of the slices', () => {
    const target = { weights: 'blocks.0.attention.qkv', split: 3, parts: [2, 0] }
    const adapted = right(lora({ ...options, targets: [target] })(transformer))
    expect(parameterCount(adapted)).toBe(4 * 2 * (16 + 16))
    expect(Object.entries(adapterTensors(adapted)).map(([name, { dims }]) => [name, dims])).toEqual([
      ['blocks.0.attention.qkv.0.lora_A.weight', [4, 16]],
      ['blocks.0.attention.qkv.0.lora_B.weight', [16, 4]],
      ['blocks.0.attention.qkv.2.lora_A.weight', [4, 16]],
      ['blocks.0.attention.qkv.2.lora_B.weight', [16, 4]],
    ])
  })

  it('begin as in PEFT: A uniform on ±1/√fan_in, B zeros', () => {
    const tensors = adapterTensors(right(lora({ ...options, rank: 64, targets: ['*'] })(convolutional)))
    for (const [name, { dims, data }] of Object.entries(tensors)) {
      if (name.includes('lora_B')) expect(data.every((value) => value === 0)).toBe(true)
      else {
        const bound = 1 / Math.sqrt(dims.slice(1).reduce((a, b) => a * b, 1))
        const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length)
        expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound)
        expect(deviation).toBeGreaterThan((bound / Math.sqrt(3)) * 0.85)
        expect(deviation).toBeLessThan((bound / Math.sqrt(3)) * 1.15)
      }
    }
  })

  it('are a function of seed and name: other targets change none', () => {
    const a = adapterTensors(right(lora({ ...options, targets: ['qkv'] })(transformer)))
    const b = adapterTensors(right(lora({ ...options, targets: ['*'] })(transformer)))
    const c = adapterTensors(right(lora({ ...options, seed: 2 })(transformer)))
    const name = 'blocks.0.attention.qkv.lora_A.weight'
    expect(b[name].data).toEqual(a[name].data)
    expect(c[name].data).not.toEqual(a[name].data)
    expect(a['blocks.1.attention.qkv.lora_A.weight'].data).not.toEqual(a[name].data)
  })
})
