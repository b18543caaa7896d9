import { mse } from 'deriva/loss'
import { inPrecision, mlp, type Precision } from 'deriva/model'
import {
  adamw,
  type Descent,
  type LossScalingOptions,
  type State,
  trainer,
  type Trainer,
  type TrainerOptions,
} from 'deriva/train'
import { describe, expect, it } from 'vitest'
import { lessonOf } from './lessons.js'
import { right } from '../either.js'

const small = mlp({ parameterisation: 'flow_matching', sample: [3], classes: 2, seed: 5, width: 8, depth: 1 })
const lesson = lessonOf(12, 3, 2)

const compiledOf = async (
  precision: Precision,
  lossScaling: LossScalingOptions | boolean,
  options: Partial<TrainerOptions<'flow_matching'>> = {},
): Promise<Trainer<'flow_matching'>> =>
  right(
    await trainer({
      model: inPrecision(precision)(small),
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-2 }),
      batchSize: 12,
      threads: 1,
      emaDecay: 0.9,
      lossScaling,
      ...options,
    })(),
  )

const trained = async (
  compiled: Trainer<'flow_matching'>,
  steps: number,
  from: State = compiled.initial,
): Promise<Descent> => {
  const descent = right(await compiled.descend(from, lesson)())
  return steps === 1 ? descent : trained(compiled, steps - 1, descent.state)
}

const scaleOf = ({ slots }: State): readonly number[] =>
  ['scale', 'good_steps'].map((name) => slots['loss_scaling'][name].data[0])

const withoutScaling = ({ parameters, ema, slots }: State) => ({
  parameters,
  ema,
  slots: Object.fromEntries(Object.entries(slots).filter(([slot]) => slot !== 'loss_scaling')),
})

describe('loss scaling', () => {
  it('by a power of two changes nothing in float32', async () => {
    const plain = await trained(await compiledOf('float32', false), 3)
    const scaled = await trained(await compiledOf('float32', { initial: 1024 }), 3)
    expect(withoutScaling(scaled.state)).toEqual({
      parameters: plain.state.parameters,
      ema: plain.state.ema,
      slots: plain.state.slots,
    })
    expect(scaled.gradientNorm).toBe(plain.gradientNorm)
    expect(scaled.loss).toBe(plain.loss)
  })

  it('leaves everything as it was where gradients overflow, and halves the scale until they do not', async () => {
    // Beyond what float32 holds, so that it overflows on every device: the CPU may compute float16 in float32.
    const heavy = { loss: { ...mse, terms: mse.terms.map((term) => ({ ...term, weight: 2 ** 20 })) } }
    const compiled = await compiledOf('float16', { initial: 2 ** 120 }, heavy)
    const { state: before } = await trained(await compiledOf('float16', { initial: 16 }, heavy), 2)
    const from: State = {
      ...before,
      slots: { ...before.slots, loss_scaling: compiled.initial.slots['loss_scaling'] },
    }
    const { state: after, loss, gradientNorm } = await trained(compiled, 1, from)
    expect(withoutScaling(after)).toEqual(withoutScaling(from))
    expect(scaleOf(after)).toEqual([2 ** 119, 0])
    expect(Number.isFinite(loss)).toBe(true)
    expect(Number.isFinite(gradientNorm)).toBe(false)
    const { state: later, gradientNorm: found } = await trained(compiled, 30, after)
    expect(Number.isFinite(found)).toBe(true)
    expect(scaleOf(later)[1]).toBeGreaterThan(0)
    expect(withoutScaling(later).parameters).not.toEqual(from.parameters)
  })

  it('doubles the scale after so many good steps in a row', async () => {
    const compiled = await compiledOf('float16', { initial: 8, interval: 3 })
    const scales: (readonly number[])[] = []
    let state = compiled.initial
    for (let i = 0; i < 7; i++) {
      state = (await trained(compiled, 1, state)).state
      scales.push(scaleOf(state))
    }
    expect(scales).toEqual([
      [8, 1],
      [8, 2],
      [16, 0],
      [16, 1],
      [16, 2],
      [32, 0],
      [32, 1],
    ])
  })

  it('works over parts of a batch', async () => {
    const whole = await trained(await compiledOf('float32', { initial: 64 }), 2)
    const parts = await trained(await compiledOf('float32', { initial: 64 }, { accumulate: 3 }), 2)
    expect(Math.abs(parts.gradientNorm / whole.gradientNorm - 1)).toBeLessThan(1e-5)
    expect(scaleOf(parts.state)).toEqual(scaleOf(whole.state))
  })

  it.each([{ initial: 0 }, { growth: 1 }, { backoff: 1 }, { interval: 0 }])('refuses %o', async (options) => {
    await expect(compiledOf('float32', options)).rejects.toThrow(RangeError)
  })
})
