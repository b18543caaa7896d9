import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  type Config,
  type ConfigError,
  configCodec,
  decodeConfig,
  modelTypes,
  optionKeys,
  type OptionRow,
  options,
} from '../../lib/config/index.js'

const accepted = (json: unknown, flags: Record<string, string | true> = {}): Config => {
  const decoded = decodeConfig(json, flags)
  if (E.isLeft(decoded)) throw new Error(decoded.left.message)
  return decoded.right
}

const refused = (json: unknown, flags: Record<string, string | true> = {}): ConfigError['problems'] => {
  const decoded = decodeConfig(json, flags)
  return E.isLeft(decoded) ? decoded.left.problems : []
}

const values = ({ kind }: OptionRow): fc.Arbitrary<unknown> => {
  const candidates: Record<string, fc.Arbitrary<unknown>> = {
    integer: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 2000 })),
    number: fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 100, noNaN: true }),
    ),
    boolean: fc.boolean(),
    text: fc.constantFrom('runs/a', 'latest'),
    list: fc.array(fc.constantFrom('*.qkv', 'in', 'out'), { minLength: 1, maxLength: 3 }),
    'name=text,…': fc.dictionary(fc.constantFrom('latents', 'timestep'), fc.constantFrom('x', 't')),
  }
  const arbitrary = (type: string): fc.Arbitrary<unknown> =>
    type.endsWith(' or null')
      ? fc.option(arbitrary(type.slice(0, -' or null'.length)))
      : type.endsWith(' or auto')
        ? fc.option(arbitrary(type.slice(0, -' or auto'.length)), { nil: 'auto' })
        : (candidates[type] ?? fc.constantFrom(...type.split(' | ')))
  return arbitrary(kind.type).filter((value) => E.isRight(kind.codec.decode(value)))
}

const files = fc
  .constantFrom(...modelTypes)
  .chain((type) => {
    const rows = optionKeys.flatMap(({ key, rows }) =>
      rows
        .filter(({ only }) => only === undefined || only === type)
        .map(({ row }) => [key, key === 'model.type' ? fc.constant(type) : values(row)] as const),
    )
    // A few keys at a time: of all together, some hardly ever go with the others.
    return fc
      .subarray(rows, { maxLength: 8 })
      .chain((some) => fc.record({ 'model.type': fc.constant(type), ...Object.fromEntries(some) }))
  })
  .map((flat) => {
    const entries = Object.entries(flat)
    const model = entries
      .filter(([key]) => key.startsWith('model.'))
      .map(([key, value]) => [key.slice(6), value] as const)
    return {
      ...Object.fromEntries(entries.filter(([key]) => !key.startsWith('model.'))),
      model: Object.fromEntries(model),
    }
  })

describe('decodeConfig', () => {
  it('fills in the documented defaults', () => {
    expect(accepted({})).toMatchObject({
      prediction_type: 'flow_matching',
      flow_schedule_shift: 1,
      beta_schedule: null,
      scheduled_sampling_max_step_offset: 0,
      scheduled_sampling_probability: 0,
      scheduled_sampling_ramp_steps: 0,
      scheduled_sampling_prob_start: 0,
      scheduled_sampling_prob_end: 0.5,
      scheduled_sampling_start_step: 0,
      scheduled_sampling_ramp_shape: 'linear',
      scheduled_sampling_strategy: 'uniform',
      scheduled_sampling_sampler: 'unipc',
      scheduled_sampling_order: 2,
      scheduled_sampling_step_stride: 1,
      scheduled_sampling_inference_steps: null,
      scheduled_sampling_source: 'noised',
      scheduled_sampling_backprop: 0,
      scheduled_sampling_target: 'original',
      scheduled_sampling_target_sigma_floor: null,
      scheduled_sampling_renoise: 'none',
      scheduled_sampling_renoise_points: null,
      scheduled_sampling_renoise_weight: null,
      scheduled_sampling_reflexflow: false,
      scheduled_sampling_reflexflow_alpha: 1,
      scheduled_sampling_reflexflow_beta1: 10,
      scheduled_sampling_reflexflow_beta2: 1,
    })
  })

  it('gives a configuration that decodes to itself, through JSON too', () => {
    let decodedOnes = 0
    fc.assert(
      fc.property(files, (file) => {
        const decoded = decodeConfig(file)
        if (E.isLeft(decoded)) {
          // The arbitrary knows nothing of combinations: each key alone is allowed.
          expect(decoded.left.problems.every(({ key }) => key in options || key.startsWith('model.'))).toBe(
            true,
          )
          return
        }
        decodedOnes += 1
        expect(configCodec.is(decoded.right)).toBe(true)
        expect(configCodec.decode(JSON.parse(JSON.stringify(configCodec.encode(decoded.right))))).toEqual(
          decoded,
        )
      }),
      { numRuns: 500, seed: 1 },
    )
    expect(decodedOnes).toBeGreaterThan(50)
  })

  it('reports every unknown key, and no other', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z_]{3,12}$/), { maxLength: 5 }), (names) => {
        const unknown = names.filter(
          (name) =>
            !optionKeys.some(
              ({ key, rows }) => key === name || rows.some(({ row }) => row.aliases.includes(name)),
            ) && name !== 'model',
        )
        const problems = refused({ seed: 3, ...Object.fromEntries(unknown.map((name) => [name, 1])) })
        expect(problems.map(({ key }) => key).sort()).toEqual([...unknown].sort())
      }),
      { numRuns: 200 },
    )
  })

  it('suggests what was meant', () => {
    const meant = (key: string): string => refused({ [key]: 1 })[0]?.allowed ?? ''
    expect(meant('learning_rat')).toContain('did you mean learning_rate?')
    expect(meant('learning-rate')).toContain('did you mean learning_rate?')
    expect(meant('batch_size')).toContain('did you mean train_batch_size?')
    expect(meant('sheduled_sampling_probability')).toContain('did you mean scheduled_sampling_probability?')
    expect(meant('xyzzy')).not.toContain('did you mean')
  })

  it('reports several problems at once, each with key, value and what is allowed', () => {
    const problems = refused(
      {
        train_batch_size: 0,
        learning_rte: 1,
        scheduled_sampling_order: '2',
        use_ema: 'yes',
        model: { type: 'dit', levels: 2 },
      },
      { lr_scheduler: 'exponential', scheduled_sampling_probability: '1.5' },
    )
    expect(problems).toEqual(
      expect.arrayContaining([
        { key: 'train_batch_size', value: 0, allowed: 'an integer from 1 to 65536' },
        { key: 'learning_rte', value: 1, allowed: 'there is no such option; did you mean learning_rate?' },
        { key: 'scheduled_sampling_order', value: '2', allowed: 'an integer from 1 to 9' },
        { key: 'use_ema', value: 'yes', allowed: 'true or false' },
        { key: 'model.levels', value: 2, allowed: 'nothing, since model.type is dit: it belongs to unet' },
        { key: '--lr_scheduler', value: 'exponential', allowed: options.lr_scheduler.kind.allowed },
        { key: '--scheduled_sampling_probability', value: 1.5, allowed: 'a number from 0 to 1' },
      ]),
    )
    expect(problems).toHaveLength(7)
  })

  it.each([
    [{ prediction_type: 'epsilon', scheduled_sampling_reflexflow: true }, 'scheduled_sampling_reflexflow'],
    [{ prediction_type: 'flow_matching', beta_schedule: 'linear' }, 'beta_schedule'],
    [{ prediction_type: 'v_prediction', flow_schedule_shift: 3 }, 'flow_schedule_shift'],
    [{ caption_dropout_probability: 0, validation_guidance: 3 }, 'validation_guidance'],
    [{ caption_dropout_probability: 0, scheduled_sampling_guidance: 4.5 }, 'scheduled_sampling_guidance'],
    [
      {
        scheduled_sampling_max_step_offset: 2,
        scheduled_sampling_backprop: 1,
        scheduled_sampling_guidance: 4.5,
      },
      'scheduled_sampling_guidance',
    ],
    [{ model: { type: 'dit', width: 100, heads: 8 } }, 'model.heads'],
    [{ model: { type: 'dit', width: 126, heads: 1 } }, 'model.width'],
    [{ model: { type: 'unet', width: 20 } }, 'model.width'],
    [{ model: { type: 'unet', heads: 3 } }, 'model.heads'],
    [{ scheduled_sampling_sampler: 'dpm', scheduled_sampling_order: 4 }, 'scheduled_sampling_order'],
    [{ scheduled_sampling_prob_end: -0.1 }, 'scheduled_sampling_prob_end'],
    [{ scheduled_sampling_max_step_offset: 1000 }, 'scheduled_sampling_max_step_offset'],
    [
      { scheduled_sampling_inference_steps: 20, scheduled_sampling_step_stride: 2 },
      'scheduled_sampling_step_stride',
    ],
    [{ scheduled_sampling_target_sigma_floor: 0.1 }, 'scheduled_sampling_target_sigma_floor'],
    [
      {
        scheduled_sampling_max_step_offset: 1,
        scheduled_sampling_probability: 1,
        scheduled_sampling_reflexflow_beta1: 0,
        scheduled_sampling_reflexflow_beta2: 0,
      },
      'scheduled_sampling_reflexflow_beta2',
    ],
    [{ training_method: 'defar', defar_beta1: 0, defar_beta2: 0 }, 'defar_beta2'],
    [{ scheduled_sampling_renoise: true }, 'scheduled_sampling_renoise'],
    [{ scheduled_sampling_renoise_points: 6 }, 'scheduled_sampling_renoise_points'],
    [
      { scheduled_sampling_renoise: 'in_place', scheduled_sampling_renoise_weight: 1 },
      'scheduled_sampling_renoise_weight',
    ],
    [
      { scheduled_sampling_renoise: 'beside', scheduled_sampling_renoise_points: 0 },
      'scheduled_sampling_renoise_points',
    ],
    [
      {
        scheduled_sampling_max_step_offset: 2,
        scheduled_sampling_backprop: 1,
        scheduled_sampling_renoise: 'beside',
      },
      'scheduled_sampling_renoise',
    ],
    [{ prediction_type: 'epsilon', flow_schedule_auto_shift: true }, 'flow_schedule_auto_shift'],
    [{ flow_schedule_shift: 3, flow_schedule_auto_shift: true }, 'flow_schedule_shift'],
    [{ prediction_type: 'epsilon', rescale_betas_zero_snr: true }, 'rescale_betas_zero_snr'],
    [{ rescale_betas_zero_snr: true }, 'rescale_betas_zero_snr'],
    [{ prediction_type: 'epsilon', beta_start: 0.1 }, 'beta_start'],
    [{ prediction_type: 'epsilon', beta_schedule: 'linear', beta_end: 1e-5 }, 'beta_end'],
    [{ flow_sigmoid_scale: 1 }, 'flow_sigmoid_scale'],
    [{ timestep_sampler: 'mode', flow_beta_schedule_beta: 1 }, 'flow_beta_schedule_beta'],
    [{ timestep_sampler: 'mode', flow_mode_scale: 2 }, 'flow_mode_scale'],
    [{ huber_c: 0.1 }, 'huber_c'],
    [{ huber_schedule: 'snr' }, 'huber_schedule'],
    [{ loss_type: 'huber', huber_c: 2 }, 'huber_c'],
    [{ snr_gamma: 5 }, 'snr_gamma'],
    [{ soft_min_snr_sigma_data: 1 }, 'soft_min_snr_sigma_data'],
    [{ prediction_type: 'epsilon', snr_gamma: 5, use_soft_min_snr: true }, 'use_soft_min_snr'],
    [
      { prediction_type: 'sample', snr_gamma: 5, use_sigma_squared_weighting: true },
      'use_sigma_squared_weighting',
    ],
    [{ optimizer: 'lion', adam_epsilon: 1e-8 }, 'adam_epsilon'],
    [{ optimizer: 'sgd', adam_beta1: 0.9 }, 'adam_beta1'],
    [{ prodigy_d_coef: 2 }, 'prodigy_d_coef'],
    [{ sgd_nesterov: false }, 'sgd_nesterov'],
    [{ lr_scheduler: 'cosine', lr_num_cycles: 2 }, 'lr_num_cycles'],
    [{ lr_scheduler: 'polynomial', lr_end: 1 }, 'lr_end'],
    [{ model: { type: 'onnx' } }, 'model.path'],
    [{ model_type: 'lora' }, 'model_type'],
    [{ model: { path: 'm.onnx' }, model_type: 'lora', frozen: ['head.*'] }, 'trainable'],
    [{ model: { path: 'm.onnx', inputs: { latents: 3 } } }, 'model.inputs'],
    [{ trainable: [] }, 'trainable'],
    [{ seed: NaN }, 'seed'],
    [{ learning_rate: Infinity }, 'learning_rate'],
    [{ max_grad_norm: null }, 'max_grad_norm'],
    [{ model: 'unet' }, 'model'],
    [{ model: { type: 'mlp' } }, 'model.type'],
    [{ checkpointing_steps: 5, checkpoint_step_interval: 6 }, 'checkpoint_step_interval'],
    [[], 'configuration'],
    ['text', 'configuration'],
  ])('refuses %j, naming %s alone', (json, key) => {
    expect(refused(json).map((problem) => problem.key)).toEqual([key])
  })

  it('blames no combination on a value that is refused already', () => {
    expect(refused({ prediction_type: 'vpred', beta_schedule: 'linear' }).map(({ key }) => key)).toEqual([
      'prediction_type',
    ])
  })

  it('takes 0 as 0', () => {
    const config = accepted({
      scheduled_sampling_max_step_offset: 10,
      scheduled_sampling_probability: 1,
      scheduled_sampling_ramp_steps: 100,
      scheduled_sampling_prob_start: 0,
      scheduled_sampling_prob_end: 0,
      caption_dropout_probability: 0,
      max_grad_norm: 0,
    })
    expect(config.scheduled_sampling_prob_start).toBe(0)
    expect(config.scheduled_sampling_prob_end).toBe(0)
    expect(config.max_grad_norm).toBe(0)
    expect(config.validation_guidance).toBe(1)
  })

  it('takes guidance of a model that is trained further, which may have met samples without conditioning', () => {
    const model = { path: 'm.onnx' }
    expect(
      accepted({ model, caption_dropout_probability: 0, validation_guidance: 3 }).validation_guidance,
    ).toBe(3)
  })

  it('switches ReflexFlow on for flow matching while samples are rolled out, unless told otherwise', () => {
    const active = { scheduled_sampling_max_step_offset: 10, scheduled_sampling_probability: 0.5 }
    expect(accepted(active).scheduled_sampling_reflexflow).toBe(true)
    expect(accepted({ ...active, scheduled_sampling_reflexflow: null }).scheduled_sampling_reflexflow).toBe(
      true,
    )
    expect(accepted({ ...active, scheduled_sampling_probability: 0 }).scheduled_sampling_reflexflow).toBe(
      false,
    )
    expect(accepted({ ...active, prediction_type: 'epsilon' }).scheduled_sampling_reflexflow).toBe(false)
    expect(accepted(active, { scheduled_sampling_reflexflow: 'false' }).scheduled_sampling_reflexflow).toBe(
      false,
    )
    const ramp = { ...active, scheduled_sampling_probability: 0, scheduled_sampling_ramp_steps: 10 }
    expect(accepted(ramp).scheduled_sampling_reflexflow).toBe(true)
  })

  it('lets flags override the file, whatever the spelling', () => {
    const file = { seed: 1, checkpointing_steps: 7, use_ema: true, model: { type: 'dit', width: 64 } }
    const config = accepted(file, {
      seed: '2',
      checkpoint_step_interval: '9',
      use_ema: 'false',
      'model.width': '32',
    })
    expect(config).toMatchObject({
      seed: 2,
      checkpoint_step_interval: 9,
      use_ema: false,
      model: { type: 'dit', width: 32 },
    })
  })

  it('reads keys that are written as flags, with their values as text', () => {
    expect(
      accepted({ '--seed': '7', '--learning_rate': '1e-4', '--use_ema': 'false', '--max_train_steps': 20 }),
    ).toMatchObject({
      seed: 7,
      learning_rate: 1e-4,
      use_ema: false,
      max_train_steps: 20,
    })
    expect(refused({ seed: '7' })).toEqual([{ key: 'seed', value: '7', allowed: 'an integer ≥ 0' }])
    expect(refused({ seed: 1e20 })).toMatchObject([{ allowed: 'an integer ≥ 0, and at most 2^53 − 1' }])
  })

  it('is not fooled by names that every object has', () => {
    const keys = ['constructor', 'toString', '__proto__', 'hasOwnProperty']
    for (const key of keys) {
      const json: unknown = JSON.parse(`{ "${key}": 1, "model": { "${key}": 1 } }`)
      expect(refused(json).map((problem) => problem.key)).toEqual([key, `model.${key}`])
    }
  })
})

describe('optimizers', () => {
  it('have the options of their own, with their own defaults, and null for the others', () => {
    const { adam_beta1, adam_beta2, adam_epsilon, adam_weight_decay, learning_rate, sgd_momentum } = accepted(
      {
        optimizer: 'lion',
      },
    )
    expect({ adam_beta1, adam_beta2, adam_epsilon, adam_weight_decay, learning_rate, sgd_momentum }).toEqual({
      adam_beta1: 0.9,
      adam_beta2: 0.99,
      adam_epsilon: null,
      adam_weight_decay: 0,
      learning_rate: 1e-4,
      sgd_momentum: null,
    })
    expect(accepted({ optimizer: 'prodigy' })).toMatchObject({ learning_rate: 1, prodigy_beta3: null })
    expect(accepted({ optimizer: 'prodigy', prodigy_growth_rate: 1.02 }).prodigy_growth_rate).toBe(1.02)
  })

  it('say what they have instead', () => {
    expect(refused({ optimizer: 'sgd', adam_beta2: 0.9 })).toEqual([
      {
        key: 'adam_beta2',
        value: 0.9,
        allowed:
          'null, or leave it out: optimizer is sgd (which has sgd_momentum, sgd_nesterov); it belongs to adamw, adam, lion or prodigy',
      },
    ])
  })
})

describe('the table', () => {
  it('derives defaults only from options whose own defaults are fixed', () => {
    const looked = new Set<string>()
    for (const row of Object.values<OptionRow>(options)) {
      if (!('text' in row.fallback)) continue
      const known = new Proxy(accepted({}), {
        get: (config, key) => {
          looked.add(String(key))
          return Reflect.get(config, key) as unknown
        },
      })
      row.fallback.from(known)
    }
    expect(looked.size).toBeGreaterThan(3)
    for (const key of looked)
      expect('value' in (options as Record<string, OptionRow>)[key].fallback).toBe(true)
  })

  it('has no spelling twice', () => {
    const all = optionKeys.flatMap(({ key, rows }) => [key, ...rows.flatMap(({ row }) => row.aliases)])
    expect(new Set(all).size).toBe(all.length)
  })
})
