import { adafactor, adam, adamw, lion, type Optimizer, prodigy, type Schedule, sgd } from 'deriva/train'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { trajectory, worst } from './float64.js'
import {
  publishedAdafactor,
  publishedAdam,
  publishedLion,
  publishedProdigy,
  publishedSgd,
  type Rule,
} from './published.js'

/** The optimizers against the rules of their papers, on random parameters, gradients and learning rates. */

const steps = 5
const numbers = (length: number, size: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.array(
    fc
      .double({ min: -size, max: size, noNaN: true })
      .filter((x) => Math.abs(x) > 1e-3 * size)
      .map(Math.fround),
    { minLength: length, maxLength: length },
  )

const problem = (
  dims: ReadonlyArray<number>,
): fc.Arbitrary<{
  readonly dims: ReadonlyArray<number>
  readonly start: ReadonlyArray<number>
  readonly gradients: ReadonlyArray<ReadonlyArray<number>>
  readonly rates: ReadonlyArray<number>
}> => {
  const length = dims.reduce((a, b) => a * b, 1)
  return fc.record({
    dims: fc.constant(dims),
    start: numbers(length, 2),
    gradients: fc.array(numbers(length, 3), { minLength: steps, maxLength: steps }),
    rates: fc.array(fc.double({ min: 1e-3, max: 0.1, noNaN: true }), { minLength: steps, maxLength: steps }),
  })
}

const share = fc.constantFrom(0.5, 0.9, 0.99)
const decay = fc.constantFrom(0, 0.1)

/** Both ways of computing, for random options. */
type Pair = { readonly optimizer: (learningRate: Schedule) => Optimizer; readonly rule: () => Rule }

const pairs: Readonly<Record<string, readonly [ReadonlyArray<number>, fc.Arbitrary<Pair>]>> = {
  sgd: [
    [2, 3],
    fc
      .record({ momentum: fc.constantFrom(0, 0.5, 0.9), nesterov: fc.boolean(), weightDecay: decay })
      .map((options) => ({
        optimizer: (learningRate) => sgd({ learningRate, ...options }),
        rule: () => publishedSgd(options.momentum, options.nesterov, options.weightDecay),
      })),
  ],
  adam: [
    [2, 3],
    fc.record({ beta1: share, beta2: share, weightDecay: decay }).map((options) => ({
      optimizer: (learningRate) => adam({ learningRate, epsilon: 1e-3, ...options }),
      rule: () =>
        publishedAdam(options.beta1, options.beta2, 1e-3, { l2: options.weightDecay, decoupled: 0 }),
    })),
  ],
  adamw: [
    [2, 3],
    fc.record({ beta1: share, beta2: share, weightDecay: decay }).map((options) => ({
      optimizer: (learningRate) => adamw({ learningRate, epsilon: 1e-3, ...options }),
      rule: () =>
        publishedAdam(options.beta1, options.beta2, 1e-3, { l2: 0, decoupled: options.weightDecay }),
    })),
  ],
  lion: [
    [2, 3],
    fc.record({ beta1: share, beta2: share, weightDecay: decay }).map((options) => ({
      optimizer: (learningRate) => lion({ learningRate, ...options }),
      rule: () => publishedLion(options.beta1, options.beta2, options.weightDecay),
    })),
  ],
  ...Object.fromEntries(
    [[6], [2, 3], [4, 1]].map((dims) => [
      `adafactor of [${dims.join(', ')}]`,
      [
        dims,
        fc
          .record({
            decayRate: fc.constantFrom(0.5, 0.8),
            clipThreshold: fc.constantFrom(0.7, 1, 2),
            scalesByParameter: fc.boolean(),
            leastScale: fc.constantFrom(1e-3, 1.5),
          })
          .map((options) => ({
            optimizer: (learningRate: Schedule) => adafactor({ learningRate, ...options }),
            rule: () =>
              publishedAdafactor(
                dims.at(1),
                options.decayRate,
                options.clipThreshold,
                options.scalesByParameter ? options.leastScale : undefined,
              ),
          })),
      ] as const,
    ]),
  ),
  prodigy: [
    [2, 3],
    fc
      .record({ initialDistance: fc.constantFrom(2 ** -10, 0.25), beta1: share, beta2: share })
      .map((options) => ({
        optimizer: (learningRate) => prodigy({ learningRate: (step) => 10 * learningRate(step), ...options }),
        rule: () => {
          const rule = publishedProdigy(options.initialDistance, options.beta1, options.beta2, 1e-8)
          return (t, rate, p, g) => rule(t, 10 * rate, p, g)
        },
      })),
  ],
}

describe('optimizers against their papers', () => {
  it.each(Object.keys(pairs))('%s', async (name) => {
    const [shape, options] = pairs[name]
    await fc.assert(
      fc.asyncProperty(options, problem(shape), async (pair, { dims, start, gradients, rates }) => {
        const rule = pair.rule()
        const expected = gradients.reduce<ReadonlyArray<ReadonlyArray<number>>>(
          (states, g, i) => [...states, rule(i + 1, rates[i], states.at(-1) ?? start, g)],
          [],
        )
        const found = await trajectory(
          pair.optimizer((step) => rates[step]),
          { w: dims },
          { w: start },
          gradients.map((w) => ({ w })),
        )
        expect(
          worst(
            found,
            expected.map((w) => ({ w })),
            { w: start },
          ),
        ).toBeLessThan(1e-11)
      }),
      { numRuns: 15 },
    )
  })

  it('decay only what is to decay', async () => {
    const still = [{ w: [0, 0], b: [0, 0] }]
    const start = { w: [1, 2], b: [3, 4] }
    for (const optimizer of [
      adamw({ learningRate: () => 0.1, weightDecay: 0.5 }),
      lion({ learningRate: () => 0.1, weightDecay: 0.5 }),
      adafactor({ learningRate: () => 0.1, weightDecay: 0.5 }),
      sgd({ learningRate: () => 0.1, weightDecay: 0.5 }),
    ]) {
      const [after] = await trajectory(optimizer, { w: [2, 1], b: [2] }, start, still, (name) => name === 'w')
      expect(after).toEqual({ w: [0.95, 1.9], b: [3, 4] })
    }
  })

  it('factor the channels of a convolution, not its window', () => {
    const optimizer = adafactor({ learningRate: () => 0.1 })
    const kernel = { type: 'float32', dims: [8, 4, 3, 3], data: new Float32Array(288) } as const
    const { row_second_moment: rows, column_second_moment: columns } = optimizer.memory({ kernel })
    expect(rows['kernel'].dims).toEqual([8, 1, 3, 3])
    expect(columns['kernel'].dims).toEqual([1, 4, 3, 3])
  })
})
