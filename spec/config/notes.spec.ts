import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { configNotes, decodeConfig } from '../../lib/config/index.js'

const notesOf = (json: unknown): string => {
  const config = decodeConfig(json)
  if (E.isLeft(config)) throw new Error(config.left.message)
  return configNotes(config.right).join('\n')
}

const rolling = { scheduled_sampling_max_step_offset: 10, scheduled_sampling_probability: 0.5 }

describe('configNotes', () => {
  it('says nothing of ordinary configurations', () => {
    expect(notesOf({})).toBe('')
    expect(notesOf(rolling)).toBe('')
    expect(
      notesOf({
        ...rolling,
        scheduled_sampling_sampler: 'rk4',
        scheduled_sampling_target: 'corrected',
        scheduled_sampling_reflexflow_beta1: 0.1,
        scheduled_sampling_start_step: 100,
        scheduled_sampling_strategy: 'biased_early',
      }),
    ).toBe('')
    expect(notesOf({ scheduled_sampling_max_step_offset: 10, scheduled_sampling_ramp_steps: 100 })).toBe('')
  })

  it.each([
    [{ scheduled_sampling_max_step_offset: 10 }, 'nothing will roll out'],
    [{ scheduled_sampling_probability: 0.5 }, 'Scheduled sampling is off'],
    [
      {
        scheduled_sampling_max_step_offset: 10,
        scheduled_sampling_probability: 1,
        scheduled_sampling_ramp_steps: 9,
      },
      'scheduled_sampling_probability 1 is not used',
    ],
    [
      {
        scheduled_sampling_max_step_offset: 1,
        scheduled_sampling_probability: 1,
        scheduled_sampling_start_step: 5000,
      },
      'not before the end',
    ],
    [{ scheduled_sampling_reflexflow: true }, 'scheduled_sampling_reflexflow does nothing: no sample'],
    [
      { scheduled_sampling_source: 'trajectory', scheduled_sampling_sampler: 'rk4' },
      'scheduled_sampling_source, scheduled_sampling_sampler do nothing: no sample is rolled out',
    ],
    [
      { ...rolling, scheduled_sampling_prob_end: 0.3, scheduled_sampling_ramp_shape: 'cosine' },
      'scheduled_sampling_prob_end, scheduled_sampling_ramp_shape do nothing: scheduled_sampling_ramp_steps is 0',
    ],
    [
      { ...rolling, scheduled_sampling_source: 'trajectory', scheduled_sampling_strategy: 'biased_late' },
      'scheduled_sampling_strategy does nothing: trajectories',
    ],
    [
      { ...rolling, scheduled_sampling_reflexflow: false, scheduled_sampling_reflexflow_beta1: 0.1 },
      'scheduled_sampling_reflexflow_beta1 does nothing: scheduled_sampling_reflexflow is false',
    ],
    [{ scheduled_sampling_guidance: 2 }, 'scheduled_sampling_guidance does nothing: no sample'],
    [{ input_perturbation_steps: 10 }, 'input_perturbation_steps does nothing'],
    [{ lora_rank: 8, lora_targets: ['qkv'] }, 'lora_rank, lora_targets do nothing: model_type is full'],
    [{ use_ema: false, ema_decay: 0.9 }, 'ema_decay does nothing: use_ema is false'],
    [
      { ...rolling, scheduled_sampling_start_step: 5000, scheduled_sampling_prob_start: 0.1 },
      'not before the end',
    ],
    [
      {
        scheduled_sampling_max_step_offset: 5,
        scheduled_sampling_probability: 1,
        scheduled_sampling_source: 'trajectory',
        scheduled_sampling_inference_steps: 20,
      },
      'only the noisiest 5/20',
    ],
    [{ scheduled_sampling_renoise: 'beside' }, 'scheduled_sampling_renoise does nothing'],
    [
      {
        scheduled_sampling_max_step_offset: 1,
        scheduled_sampling_probability: 1,
        scheduled_sampling_renoise: 'in_place',
      },
      'has scheduled_sampling_target corrected',
    ],
    [{ lr_warmup_steps: 1000 }, 'still warming up'],
  ])('warns of %j', (json, words) => {
    expect(notesOf(json)).toContain(words)
  })
})
