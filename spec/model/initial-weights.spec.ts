import { dit, mlp, type Model, unet } from 'deriva/model'
import { leaves } from 'deriva/onnx'
import { size, type TensorOf } from 'deriva/types'
import { describe, expect, it } from 'vitest'

/**
 * What the papers start every weight with, written a second time: DiT's `initialize_weights` (Peebles & Xie 2023), and DDPM's variance scaling by
 * the mean of both fans with zeros for what ends a block (Ho et al. 2020; Dhariwal & Nichol 2021). A weight has the first law whose pattern its name fits.
 */
type Law = (weight: TensorOf<'float32'>) => void

const deviation = ({ data }: TensorOf<'float32'>): number => {
  const mean = data.reduce((sum, x) => sum + x, 0) / data.length
  return Math.sqrt(data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / data.length)
}

/** Whether a sample's deviation is this one, as far as so many elements tell: four standard errors. */
const deviates = (weight: TensorOf<'float32'>, expected: number): void => {
  expect(Math.abs(deviation(weight) / expected - 1)).toBeLessThan(4 / Math.sqrt(2 * size(weight.dims)))
}

const constantly =
  (value: number): Law =>
  ({ data }) => {
    expect(new Set(data)).toEqual(new Set([value]))
  }

const gaussian =
  (expected: number): Law =>
  (weight) => {
    deviates(weight, expected)
    // A uniform distribution ends at √3 deviations.
    expect(Math.max(...weight.data.map(Math.abs))).toBeGreaterThan(2 * expected)
  }

const xavier: Law = (weight) => {
  const [first, second, ...kernel] = weight.dims
  const bound = Math.sqrt(6 / ((first + second) * size(kernel)))
  expect(Math.max(...weight.data.map(Math.abs))).toBeLessThanOrEqual(bound)
  deviates(weight, bound / Math.sqrt(3))
}

const shared: ReadonlyArray<readonly [RegExp, Law]> = [
  [/(bias|norm\d?\.shift)$/, constantly(0)],
  [/norm\d?\.scale$|norm\d?\.weight$/, constantly(1)],
  [/^conditioning\.timestep\.(in|out)\.weight$/, gaussian(0.02)],
  [/^conditioning\.label\.table$/, gaussian(1)],
]

const options = { parameterisation: 'epsilon', classes: 40, seed: 5 } as const

const models: ReadonlyArray<readonly [string, Model<'epsilon'>, ReadonlyArray<readonly [RegExp, Law]>]> = [
  [
    'DiT, adaLN-Zero',
    dit({ ...options, sample: [3, 16, 16], patch: 4, width: 48, depth: 2, heads: 4 }),
    [
      [/modulation\.weight$/, constantly(0)],
      [/^head\.weight$/, constantly(0)],
      [/^patches\.weight$/, xavier],
      [/^blocks\.\d+\.(attention\.(qkv|out)|mlp\.(in|out))\.weight$/, xavier],
    ],
  ],
  [
    'UNet',
    unet({ ...options, sample: [3, 16, 16], width: 16, levels: 2, depth: 1, heads: 2 }),
    [
      [/conv2\.weight$/, constantly(0)],
      [/^head\.weight$/, constantly(0)],
      [/^middle\.attention\.out\.weight$/, constantly(0)],
      [/(conv1|short|resample|modulation|qkv|^in)\.weight$/, xavier],
    ],
  ],
  [
    'MLP',
    mlp({ ...options, sample: [2, 3], width: 48, depth: 2 }),
    [
      [/^blocks\.\d+\.out\.weight$/, constantly(0)],
      [/^head\.weight$/, constantly(0)],
      [/^(blocks\.\d+\.)?in\.weight$/, xavier],
    ],
  ],
]

describe.each(models)('%s', (_, model, own) => {
  const laws = [...shared, ...own]
  const weights = leaves([model.prediction]).flatMap(({ node }) =>
    node.kind === 'parameter' && node.initial.type === 'float32'
      ? [{ name: node.name, initial: node.initial }]
      : [],
  )

  it.each(weights)('starts $name as the papers do', ({ name, initial }) => {
    const law = laws.find(([pattern]) => pattern.test(name))
    expect(law, `no law for ${name}`).toBeDefined()
    law?.[1](initial)
  })

  it('has weights for every law but those of other models', () => {
    const unused = own.filter(([pattern]) => !weights.some(({ name }) => pattern.test(name)))
    expect(unused).toEqual([])
  })
})
