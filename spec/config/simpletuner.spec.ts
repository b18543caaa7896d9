import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  type Config,
  configNotes,
  decodeConfig,
  type Flags,
  foreignReason,
  optionKeys,
  readSimpleTuner,
} from '../../lib/config/index.js'

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/simpletuner/${name}.json`, import.meta.url), 'utf8'))

const read = (json: unknown, flags: Flags = {}): { readonly config: Config; readonly notes: string } => {
  const reading = readSimpleTuner(json, flags)
  const config = decodeConfig(reading.json, flags)
  if (E.isLeft(config)) throw new Error(config.left.message)
  expect(reading.problems).toEqual([])
  return { config: config.right, notes: reading.notes.join('\n') }
}

/** What it says of the data is not read. */
const onDigits = (flags: Flags = {}): Flags => ({ dataset: 'mnist', ...flags })

const family = { model_family: 'sd3', data_backend_config: 'a.json', instance_data_dir: 'mnist' }

describe('readSimpleTuner', () => {
  it('takes what means the same, and lists what means nothing here', () => {
    const { config, notes } = read(fixture('flow-lora'), onDigits())
    expect(config).toMatchObject({
      prediction_type: 'flow_matching',
      timestep_sampler: 'logit_normal',
      flow_schedule_shift: null,
      flow_schedule_auto_shift: true,
      optimizer: 'lion',
      adam_weight_decay: 0.05,
      learning_rate: 6e-5,
      lr_warmup_steps: 50,
      max_train_steps: 1000,
      train_batch_size: 2,
      gradient_accumulation_steps: 4,
      grad_clip_method: 'norm',
      max_grad_norm: 0.5,
      caption_dropout_probability: 0,
      validation_guidance: 1,
      checkpoint_step_interval: 100,
      validation_step_interval: 50,
      resume_from_checkpoint: null,
      seed: 7,
      use_ema: false,
      output_dir: 'output/flux',
    })
    for (const key of [
      'data_backend_config',
      'resolution_type',
      'report_to',
      'hub_model_id',
      'vae_batch_size',
      'num_train_epochs',
    ])
      expect(notes).toMatch(new RegExp(`Not used here:(?:\n  .*)*\n  (?:\\w+, )*${key}(?:, \\w+)*: \\w`))
    expect(notes).toContain('optimizer optimi-lion is lion here')
    expect(notes).toContain('resolution 1024 is not used: it is for images of a folder')
    // It is of use.
    expect(notes).not.toContain('model_family')
    expect(config.mixed_precision).toBe('no')
    expect(notes).toContain('mixed_precision bf16 is not taken over')
    expect(notes).toContain('model_type lora has nothing to adapt yet')
    expect(notes).toContain('validation_guidance 3.5 is 1 here')
    expect(notes).not.toContain('max_train_steps')
  })

  it('reads the recommended ramp as it is documented, and says what SimpleTuner makes of it', () => {
    const { config, notes } = read(fixture('sdxl-scheduled-sampling'), onDigits())
    expect(config).toMatchObject({
      prediction_type: 'epsilon',
      beta_schedule: 'scaled_linear',
      beta_start: 0.00085,
      beta_end: 0.012,
      snr_gamma: 5,
      optimizer: 'adamw',
      lr_power: 0.8,
      lr_end: 4e-7,
      grad_clip_method: 'value',
      max_grad_norm: 2,
      ema_decay: 0.995,
      scheduled_sampling_prob_start: 0,
      scheduled_sampling_prob_end: 0.5,
      scheduled_sampling_reflexflow: false,
      validation_sampler: 'euler_ancestral',
    })
    // Told once, with what is wrong with it.
    expect(notes).not.toContain('scheduled_sampling')
    expect(configNotes(config)).toEqual([
      'The share that rolls out goes from scheduled_sampling_prob_start 0 to scheduled_sampling_prob_end 0.5; scheduled_sampling_probability 1 is not used. (SimpleTuner takes a start of 0 for "not given", and goes from 1.)',
    ])
    expect(notes).toContain('Without effect beside the other options, there as here: flow_schedule_shift')
    expect(notes).toContain('max_grad_norm 2, grad_clip_method value, ema_decay 0.995')
  })

  it('reads keys that are written as flags', () => {
    const { config, notes } = read(fixture('flags'), onDigits())
    expect(config).toMatchObject({
      optimizer: 'prodigy',
      learning_rate: 1,
      prodigy_d_coef: 0.5,
      prodigy_use_bias_correction: true,
      timestep_sampler: 'beta',
      flow_beta_schedule_alpha: 1,
      flow_beta_schedule_beta: 2,
      lr_warmup_steps: 0,
      train_batch_size: 8,
      flow_schedule_shift: 3,
    })
    expect(notes).toContain('of optimizer_config: slice_p=11')
    expect(notes).toContain('lr_warmup_steps 100 is not used')
  })

  it('reads a file in the light of the flags that override it', () => {
    const { config, notes } = read(
      fixture('flow-lora'),
      onDigits({
        'model.path': 'flux.onnx',
        mixed_precision: 'bf16',
        optimizer: 'adamw',
        seed: '8',
        validation_num_inference_steps: '12',
      }),
    )
    expect(config).toMatchObject({
      model: { type: 'onnx', path: 'flux.onnx' },
      model_type: 'lora',
      lora_rank: 16,
      lora_alpha: 16,
      lora_dropout: 0.1,
      mixed_precision: 'bf16',
      optimizer: 'adamw',
      seed: 8,
      // A model that is trained further may have met samples without conditioning.
      caption_dropout_probability: 0,
      validation_guidance: 3.5,
    })
    expect(notes).not.toMatch(/optimizer|mixed_precision|model_type lora|validation_(guidance|num)/)
    const decoded = decodeConfig(readSimpleTuner(family, { sed: '8', report_to: 'none' }).json, {
      sed: '8',
      report_to: 'none',
    })
    expect(E.isLeft(decoded) && decoded.left.problems.map(({ key }) => key)).toEqual(['--sed', '--report_to'])
  })

  it('refuses families whose objective is not here, and knows those that are no flows', () => {
    const objective = (model_family: string): unknown => {
      const decoded = decodeConfig(readSimpleTuner({ ...family, model_family }).json)
      return E.isLeft(decoded) ? decoded.left.problems : decoded.right.prediction_type
    }
    expect(['flux', 'SDXL', 'stable_cascade', 'sd2x', 'kandinsky5-image'].map(objective)).toEqual([
      'flow_matching',
      'epsilon',
      'epsilon',
      'v_prediction',
      'flow_matching',
    ])
    expect(objective('heartmula')).toMatchObject([
      { key: 'prediction_type', value: 'autoregressive_next_token' },
    ])
    expect(objective('cosmos2image')).toMatchObject([{ key: 'prediction_type', value: 'edm' }])
  })

  it('invents nothing about families that it does not know', () => {
    const { problems, notes } = readSimpleTuner({ ...family, model_family: 'sdlx', snr_gamma: 5 })
    expect(problems).toMatchObject([{ key: 'model_family', value: 'sdlx' }])
    expect(problems[0]?.allowed).toMatch(/did you mean sdxl\?$/)
    expect(notes.join()).not.toContain('prediction_type')
    expect(readSimpleTuner({ ...family, model_family: 'foo' }).problems[0]?.allowed).toMatch(
      /^one of ace_step, /,
    )
    const nameless = { data_backend_config: 'a.json', instance_data_dir: 'mnist' }
    expect(readSimpleTuner(nameless).problems).toMatchObject([{ key: 'model_family', value: null }])
    expect(read({ ...nameless, prediction_type: 'epsilon' }).config.prediction_type).toBe('epsilon')
    const told = read({ ...family, model_family: 'sdlx', prediction_type: 'v_prediction' })
    expect(told.config.prediction_type).toBe('v_prediction')
    expect(told.notes).toMatch(/model_family sdlx is not known: .* did you mean sdxl\?/)
  })

  it('wants to be told what to train on', () => {
    const { json, problems } = readSimpleTuner({ ...family, instance_data_dir: null, resolution: 0.25 })
    expect(problems).toMatchObject([{ key: 'data_backend_config', value: 'a.json' }])
    expect(problems[0]?.allowed).toContain('--dataset')
    expect(readSimpleTuner({ model_family: 'sd3' }).problems).toMatchObject([{ key: 'dataset', value: null }])
    // What else is wrong is said beside it, and nothing that follows from it.
    expect(decodeConfig(json)).toMatchObject({ _tag: 'Right' })
    expect(read({ ...family, instance_data_dir: 'photos' }).config.dataset).toBe('photos')
    expect(read(family, { dataset: 'shapes' }).config.dataset).toBe('shapes')
  })

  it('brings images of a folder to the resolution of the file', () => {
    const side = (json: object, flags: Flags = {}): unknown =>
      read({ ...family, ...json }, flags).config.resolution
    const photos = { instance_data_dir: 'photos' }
    expect(side({ ...photos, resolution: 512, resolution_type: 'pixel' })).toBe(512)
    expect(side({ ...photos, resolution: '512', resolution_type: 'pixel_area' })).toBe(512)
    // Megapixels, the sides in multiples of 64.
    expect(side({ ...photos, resolution: 1.0, resolution_type: 'area' })).toBe(1024)
    expect(side({ ...photos, resolution: 0.25, resolution_type: 'area' })).toBe(512)
    expect(side({ ...photos, resolution: 0.25, resolution_type: 'area' }, { resolution: '96' })).toBe(96)
    expect(side({ resolution: 512 })).toBe(null)
    expect(side({ instance_data_dir: 'latents.safetensors', resolution: 512 })).toBe(null)
    expect(read({ ...family, ...photos, resolution: 512, resolution_type: 'pixel' }).notes).not.toContain(
      'resolution',
    )
  })

  it('reads texts as numbers and switches, with dashes before the key or without', () => {
    const texts = { learning_rate: '1e-4', gradient_checkpointing: 'true', use_ema: 'True' }
    expect(read({ ...family, ...texts }).config).toMatchObject({
      learning_rate: 1e-4,
      gradient_checkpointing: true,
      use_ema: true,
    })
    expect(read({ ...family, mixflow_enabled: 'True' }).config.training_method).toBe('mixflow')
  })

  it('leaves files of other kinds alone, which are then refused for such keys with the reason', () => {
    const json = { seed: 1, report_to: 'wandb' }
    expect(readSimpleTuner(json)).toEqual({ json, notes: [], problems: [] })
    const decoded = decodeConfig(json)
    expect(E.isLeft(decoded) && decoded.left.problems).toEqual([
      {
        key: 'report_to',
        value: 'wandb',
        allowed:
          'there is no such option here, where metrics, samples and the report are files of the run folder',
      },
    ])
  })

  it('still refuses what neither knows, and what has no equal here', () => {
    const refused = (json: object): ReadonlyArray<string> => {
      const decoded = decodeConfig(readSimpleTuner({ ...family, ...json }).json)
      return E.isLeft(decoded) ? decoded.left.problems.map(({ key }) => key) : []
    }
    expect(refused({ learning_rat: 1 })).toEqual(['learning_rat'])
    expect(refused({ optimizer: 'soap' })).toEqual(['optimizer'])
    expect(refused({ max_train_steps: 'many' })).toEqual(['max_train_steps'])
    expect(refused({ validation_steps: 1, validation_step_interval: 2 })).toEqual([
      '--validation_step_interval',
    ])
    expect(refused({ validation_steps: 1, validation_step_interval: 1 })).toEqual([])
    expect(refused({ flow_use_uniform_schedule: true, flow_use_beta_schedule: true })).toEqual([
      'flow_use_uniform_schedule',
      'flow_use_beta_schedule',
    ])
  })

  it('takes 0 as 0 where it is one', () => {
    const { config } = read({ ...family, lr_warmup_steps: 0, max_grad_norm: 0, snr_gamma: 0 })
    expect(config).toMatchObject({ lr_warmup_steps: 0, max_grad_norm: 0, snr_gamma: 0 })
    expect(read({ ...family, flow_schedule_shift: 0 }).config.flow_schedule_shift).toBe(1)
  })

  it('calls nothing foreign that is an option', () => {
    for (const { key } of optionKeys)
      if (!key.includes('.')) expect([key, foreignReason(key)]).toEqual([key, undefined])
  })
})
