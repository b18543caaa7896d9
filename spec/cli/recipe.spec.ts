import { describe, expect, it } from 'vitest'
import { settled, shiftOf, timestepsOf, withRecipe } from '../../lib/cli/index.js'
import { type Config, optimizerNames } from '../../lib/config/index.js'
import { dynamicShift, flow } from '../../lib/path/index.js'
import { float32 } from '../../lib/types/index.js'
import { configOf } from '../report/run.js'

const tiny = { dataset: 'shapes', model: { type: 'dit', width: 8, depth: 1, heads: 1 } }

const planAt = (config: Config, step: number): readonly [number, number] =>
  withRecipe(config, ({ plan }) => [plan.maxStepOffset, plan.probability(step)])

const rateAt = (config: Config, step: number): number =>
  withRecipe(config, ({ trainer: { optimizer } }) => optimizer.scalars(step).learning_rate)

describe('withRecipe', () => {
  it('rolls out as the options say', () => {
    const offset = { ...tiny, scheduled_sampling_max_step_offset: 7 }
    expect(planAt(configOf(offset), 10)).toEqual([0, 0])
    const constant = configOf({
      ...offset,
      scheduled_sampling_probability: 0.3,
      scheduled_sampling_start_step: 5,
    })
    expect([4, 5, 500].map((step) => planAt(constant, step))).toEqual([
      [7, 0],
      [7, 0.3],
      [7, 0.3],
    ])
    const ramp = configOf({
      ...offset,
      scheduled_sampling_probability: 1,
      scheduled_sampling_ramp_steps: 100,
      scheduled_sampling_start_step: 50,
      scheduled_sampling_prob_start: 0.1,
      scheduled_sampling_prob_end: 0.5,
    })
    expect([0, 50, 100, 150, 900].map((step) => planAt(ramp, step)[1])).toEqual(
      [0.1, 0.1, 0.3, 0.5, 0.5].map((p) => expect.closeTo(p, 12) as number),
    )
  })

  it('rolls out as far as the steps of a sampler go, shift included, or as a stride says', () => {
    const offset = { ...tiny, scheduled_sampling_max_step_offset: 3, scheduled_sampling_probability: 1 }
    const planned = (json: object) => withRecipe(configOf({ ...offset, ...json }), ({ plan }) => plan)
    expect(planned({ scheduled_sampling_step_stride: 50 })).toMatchObject({
      stride: 50,
      source: 'noised',
      target: 'original',
    })
    const { grid } = planned({ scheduled_sampling_inference_steps: 4, flow_schedule_shift: 3 })
    expect(grid?.map(({ sigma }) => sigma)).toEqual(
      [1, 0.9, 0.75, 0.5, 0].map((sigma) => expect.closeTo(sigma, 12) as number),
    )
    expect(
      planned({ scheduled_sampling_source: 'trajectory', scheduled_sampling_target: 'corrected' }),
    ).toMatchObject({ source: 'trajectory', target: 'corrected', smallestSigma: 0.05 })
  })

  it('warms the learning rate up and lets it fall to 0 at the end', () => {
    const config = configOf({
      ...tiny,
      learning_rate: 1e-3,
      lr_scheduler: 'linear',
      lr_warmup_steps: 10,
      max_train_steps: 110,
    })
    expect(rateAt(config, 0)).toBeGreaterThan(0)
    expect(rateAt(config, 0)).toBeLessThan(2e-4)
    expect(rateAt(config, 10)).toBeCloseTo(1e-3, 12)
    expect(rateAt(config, 60)).toBeCloseTo(5e-4, 12)
    expect(rateAt(config, 110)).toBeCloseTo(0, 12)
  })

  it.each(optimizerNames)('gives %s what its options say, within its own range', (optimizer) => {
    const slots = withRecipe(configOf({ ...tiny, optimizer }), ({ trainer }) =>
      Object.keys(trainer.optimizer.memory({ w: float32([2, 3], new Float32Array(6)) })),
    )
    expect(slots.length).toBe({ adamw: 2, adam: 2, sgd: 1, lion: 1, adafactor: 2, prodigy: 5 }[optimizer])
  })

  it('makes one step of several batches, and clips as asked', () => {
    const parts = (json: object) =>
      withRecipe(
        configOf({ ...tiny, ...json }),
        ({ trainer: { batchSize, accumulate, maxGradientNorm, maxGradientValue, decays } }) => ({
          batchSize,
          accumulate,
          maxGradientNorm,
          maxGradientValue,
          decays: decays?.('bias', [3]),
        }),
      )
    expect(parts({ train_batch_size: 8, gradient_accumulation_steps: 4 })).toEqual({
      batchSize: 32,
      accumulate: 4,
      maxGradientNorm: 1,
      maxGradientValue: undefined,
      decays: undefined,
    })
    expect(parts({ grad_clip_method: 'value', max_grad_norm: 0.5 })).toMatchObject({
      maxGradientNorm: undefined,
      maxGradientValue: 0.5,
    })
    expect(parts({ max_grad_norm: 0, weight_decay_exclude: 'nothing' })).toMatchObject({
      maxGradientNorm: undefined,
      decays: true,
    })
  })

  it('lets the learning rate fall in rounds, or along a power', () => {
    const steps = { ...tiny, learning_rate: 1, max_train_steps: 100 }
    const rounds = configOf({ ...steps, lr_scheduler: 'cosine_with_restarts', lr_num_cycles: 2 })
    expect([0, 25, 50].map((step) => rateAt(rounds, step))).toEqual([1, expect.closeTo(0.5, 12) as number, 1])
    const power = configOf({ ...steps, lr_scheduler: 'polynomial', lr_power: 2, lr_end: 0.1 })
    expect(rateAt(power, 50)).toBeCloseTo(0.1 + 0.9 * 0.25, 12)
    expect(rateAt(power, 100)).toBeCloseTo(0.1, 12)
  })

  it('has ReflexFlow terms exactly where they are switched on', () => {
    const terms = (json: object): ReadonlyArray<string> =>
      withRecipe(configOf({ ...tiny, ...json }), ({ trainer: { loss } }) =>
        loss.terms.map(({ name }) => name),
      )
    const active = { scheduled_sampling_max_step_offset: 5, scheduled_sampling_probability: 0.5 }
    expect(terms(active)).toEqual(['mse', 'anti_drift'])
    expect(terms({ ...active, scheduled_sampling_reflexflow: false })).toEqual(['mse'])
    expect(terms({})).toEqual(['mse'])
    expect(terms({ ...active, prediction_type: 'epsilon' })).toEqual(['mse'])
  })

  it('learns at points beside each sample where asked, at the weight that is asked for', () => {
    const terms = (json: object): ReadonlyArray<readonly [string, number]> =>
      withRecipe(configOf({ ...tiny, ...json }), ({ trainer: { loss } }) =>
        loss.terms.map(({ name, weight }) => [name, weight]),
      )
    const rolled = { scheduled_sampling_max_step_offset: 1, scheduled_sampling_probability: 1 }
    const beside = {
      scheduled_sampling_renoise: 'beside',
      scheduled_sampling_renoise_weight: 0.5,
      scheduled_sampling_reflexflow: false,
    }
    for (const prediction_type of ['flow_matching', 'v_prediction'])
      expect(terms({ ...rolled, ...beside, prediction_type })).toEqual([
        ['mse', 1],
        ['mse_points', 0.5],
      ])
    expect(terms({ ...rolled, ...beside, scheduled_sampling_reflexflow: true })).toEqual([
      ['mse', 1],
      ['anti_drift', 10],
      ['mse_points', 0.5],
      ['anti_drift_points', 5],
    ])
    // Nothing rolls out, so there is nothing to learn at.
    expect(terms(beside)).toEqual([['mse', 1]])
    expect(
      terms({ ...rolled, scheduled_sampling_renoise: 'in_place', scheduled_sampling_reflexflow: false }),
    ).toEqual([['mse', 1]])
  })

  it.each(['epsilon', 'v_prediction', 'sample', 'flow_matching'] as const)(
    'builds %s models on their path',
    (prediction_type) => {
      const config = configOf({ ...tiny, prediction_type })
      const [family, parameterisation] = withRecipe(config, (recipe): readonly [string, string] => [
        recipe.sampling.path.family,
        recipe.parameterisation,
      ])
      expect(parameterisation).toBe(prediction_type)
      expect(family).toBe(prediction_type === 'flow_matching' ? 'flow' : 'ddpm')
    },
  )

  it.each([
    ['l2', 'mse'],
    ['huber', 'huber'],
    ['smooth_l1', 'smooth_l1'],
  ])('counts errors as %s', (loss_type, name) => {
    for (const prediction_type of ['epsilon', 'flow_matching'])
      expect(
        withRecipe(configOf({ ...tiny, prediction_type, loss_type }), ({ trainer: { loss } }) =>
          loss.terms.map((term) => term.name),
        ),
      ).toEqual([name])
  })

  it('spreads timesteps as asked, and shifts them', () => {
    const at = (json: object, u: number): number => timestepsOf(configOf(json))(flow(), u, 0.25)
    expect(at({}, 0.3005)).toBe(301)
    expect(
      at({ timestep_sampler: 'beta', flow_beta_schedule_alpha: 1, flow_beta_schedule_beta: 1 }, 0.3005),
    ).toBe(301)
    expect(at({ timestep_sampler: 'mode', flow_mode_scale: 0 }, 0.2995)).toBe(701)
    // cos(π/2) = 0: the normal number is its mean.
    expect(at({ timestep_sampler: 'logit_normal', flow_sigmoid_mean: Math.log(3.001) }, 0.9)).toBe(751)
    expect(at({ flow_schedule_shift: 3 }, 0.5)).toBeCloseTo((1000 * 3 * 0.501) / (1 + 2 * 0.501), 9)
    const auto = settled(configOf({ flow_schedule_auto_shift: true }), { shape: [1, 28, 28] })
    expect(shiftOf(auto)).toBeCloseTo(dynamicShift(14 * 14), 12)
  })

  it('can end a discrete path in pure noise', () => {
    const last = (json: object): number =>
      withRecipe(configOf({ ...tiny, ...json }), ({ sampling }) => sampling.path.noisiest.alpha)
    const linear = { prediction_type: 'v_prediction', beta_schedule: 'linear' }
    expect(last(linear)).toBeGreaterThan(1e-3)
    expect(last({ ...linear, beta_end: 0.03 })).toBeLessThan(last(linear))
    expect(last({ ...linear, rescale_betas_zero_snr: true })).toBe(0)
  })

  it('samples on the shifted grid', () => {
    const middle = (shift: number): number =>
      withRecipe(
        configOf({ ...tiny, flow_schedule_shift: shift, validation_num_inference_steps: 2 }),
        ({ sampling }) => sampling.grid[1].sigma,
      )
    expect(middle(1)).toBeCloseTo(0.5, 12)
    expect(middle(3)).toBeCloseTo(0.75, 12)
  })
})
