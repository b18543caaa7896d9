import type { ConfigProblem } from '../../types/index.js'
import { datasetNames } from '../dataset-facts.js'
import { options } from '../options/index.js'
import { suggestion } from '../suggestion.js'
import { familyNames, familyObjective } from './families.js'
import { optimizerFor, optimizerSettings } from './optimizers.js'

/** What a file says, by key. */
export type Said = ReadonlyMap<string, unknown>

/** A change to what a file says: keys set, keys taken away, what to tell about it, and what cannot be. */
export type Change = {
  readonly set?: Readonly<Record<string, unknown>>
  readonly drop?: ReadonlyArray<string>
  readonly note?: string
  readonly problem?: ConfigProblem
}

/** @param flagged the keys that the command line sets: what it says holds as it is */
type Translation = (said: Said, flagged: ReadonlySet<string>) => Change

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

/** Whether there is a model to train further. */
const bringsModel = (said: Said): boolean => said.has('model') || said.has('model.path')

/** Also of keys that are no options, whose texts nothing has read yet. */
const isOn = (value: unknown): boolean => value === true || String(value).toLowerCase() === 'true'

const solversOf: Readonly<Record<string, string>> = {
  ddpm: 'euler_ancestral',
  'euler-a': 'euler_ancestral',
  'dpm++': 'dpm',
}

const timesteps: Translation = (said) => {
  const keys = ['flow_use_uniform_schedule', 'flow_use_beta_schedule'] as const
  const asked = keys.filter((key) => isOn(said.get(key)))
  // Both at once is left as it is: two answers to one question, which decoding then refuses by name.
  if (asked.length === 2) return {}
  const key = asked.at(0)
  return {
    drop: keys,
    ...(key === undefined
      ? {}
      : { set: { timestep_sampler: key === 'flow_use_uniform_schedule' ? 'uniform' : 'beta' } }),
  }
}

/** MixFlow trains on times of its own. */
const mixflow: Translation = (said) => {
  const on = isOn(said.get('mixflow_enabled'))
  const drop = ['mixflow_enabled', ...(on ? [] : ['mixflow_gamma'])]
  return on
    ? {
        drop,
        set: {
          training_method: 'mixflow',
          timestep_sampler: 'beta',
          flow_beta_schedule_alpha: 1,
          flow_beta_schedule_beta: 2,
        },
      }
    : { drop }
}

const shift: Translation = (said) => {
  const value = said.get('flow_schedule_shift')
  const auto = isOn(said.get('flow_schedule_auto_shift'))
  if (value === undefined) return {}
  if (Number(value) === 0)
    return auto
      ? { drop: ['flow_schedule_shift'] }
      : {
          set: { flow_schedule_shift: 1 },
          note: 'flow_schedule_shift 0, which is no shift there, is 1 here.',
        }
  return auto
    ? {
        drop: ['flow_schedule_auto_shift'],
        note: `flow_schedule_shift ${show(value)} holds, as it does there; flow_schedule_auto_shift is not used beside it.`,
      }
    : {}
}

const optimizer: Translation = (said) => {
  const name = said.get('optimizer')
  const meant = optimizerFor(name)
  return meant === undefined
    ? {}
    : { set: { optimizer: meant }, note: `optimizer ${show(name)} is ${meant} here, in float32.` }
}

const optimizerConfig: Translation = (said) => {
  const text = said.get('optimizer_config')
  if (typeof text !== 'string') return {}
  const { options, unknown } = optimizerSettings(text)
  return {
    drop: ['optimizer_config'],
    // Values are text, as those of flags are.
    set: Object.fromEntries(options.map(([key, value]) => [`--${key}`, value])),
    ...(unknown.length === 0 ? {} : { note: `Not used here, of optimizer_config: ${unknown.join(', ')}.` }),
  }
}

const validationSampler: Translation = (said) => {
  const name = said.get('validation_sampler')
  return typeof name === 'string' && Object.hasOwn(solversOf, name)
    ? { set: { validation_sampler: solversOf[name] } }
    : {}
}

const guidance: Translation = (said) => {
  const value = said.get('validation_guidance')
  return !bringsModel(said) &&
    Number(said.get('caption_dropout_probability')) === 0 &&
    value !== undefined &&
    Number(value) !== 1
    ? {
        set: { validation_guidance: 1 },
        note: `validation_guidance ${show(value)} is 1 here: with caption_dropout_probability 0 a model that starts from nothing is never trained without its conditioning.`,
      }
    : {}
}

/** What the family of the model says, where the file itself does not. */
const family: Translation = (said) => {
  const name = said.get('model_family')
  const objective = familyObjective(name)
  const given = said.get('prediction_type')
  if (objective !== undefined) {
    const { prediction_type: type, ...path } = objective
    if (given !== undefined) return given === type ? { set: path } : {}
    return {
      set: { prediction_type: type, ...path },
      note: `prediction_type is ${type}, which ${show(name)} models have.`,
    }
  }
  const meant = typeof name === 'string' ? suggestion(name, familyNames) : undefined
  return given === undefined
    ? {
        // Stands in, so that nothing else is refused for the want of it.
        set: { prediction_type: 'flow_matching' },
        problem: {
          key: 'model_family',
          value: name ?? null,
          allowed: `${meant === undefined ? `one of ${familyNames.join(', ')}` : 'a family of models that SimpleTuner has'}, or any with prediction_type beside it${meant === undefined ? '' : `; did you mean ${meant}?`}`,
        },
      }
    : name === undefined
      ? {}
      : {
          note: `model_family ${show(name)} is not known: prediction_type ${show(given)} is all that is taken of the model${meant === undefined ? '.' : `; did you mean ${meant}?`}`,
        }
}

/** Learning rates that SimpleTuner makes in another way than diffusers, whose names and shapes are the ones here. */
const schedule: Translation = (said) => {
  const name = said.get('lr_scheduler')
  const warmup = said.get('lr_warmup_steps')
  if (name === 'constant' && Number(warmup ?? 0) > 0)
    return {
      set: { lr_warmup_steps: 0 },
      note: `lr_warmup_steps ${show(warmup)} is not used: lr_scheduler constant has no warm-up there (constant_with_warmup has).`,
    }
  return name === 'cosine' || name === 'cosine_with_restarts'
    ? {
        note: `lr_scheduler ${name} rises over lr_warmup_steps and then falls until max_train_steps; SimpleTuner goes up and down with lr_warmup_steps as the period.`,
      }
    : {}
}

/** What has no effect in SimpleTuner, by the key and what would give it one; here such keys are refused. */
const idle: Readonly<Record<string, (said: Said) => boolean>> = {
  snr_gamma: (said) => said.get('prediction_type') === 'flow_matching',
  flow_schedule_shift: (said) => said.get('prediction_type') !== 'flow_matching',
  flow_schedule_auto_shift: (said) => said.get('prediction_type') !== 'flow_matching',
  rescale_betas_zero_snr: (said) => said.get('prediction_type') === 'flow_matching',
  flow_sigmoid_scale: (said) => said.get('timestep_sampler') !== undefined,
  flow_beta_schedule_alpha: (said) => said.get('timestep_sampler') !== 'beta',
  flow_beta_schedule_beta: (said) => said.get('timestep_sampler') !== 'beta',
  huber_c: (said) => (said.get('loss_type') ?? 'l2') === 'l2',
  huber_schedule: (said) => (said.get('loss_type') ?? 'l2') === 'l2',
  soft_min_snr_sigma_data: (said) => said.get('use_soft_min_snr') !== true,
  lr_num_cycles: (said) => said.get('lr_scheduler') !== 'cosine_with_restarts',
  lr_power: (said) => said.get('lr_scheduler') !== 'polynomial',
  lr_end: (said) => said.get('lr_scheduler') !== 'polynomial',
  adam_epsilon: (said) => said.get('optimizer') === 'lion' || said.get('optimizer') === 'sgd',
  adam_beta1: (said) => said.get('optimizer') === 'sgd',
  adam_beta2: (said) => said.get('optimizer') === 'sgd',
}

const withoutEffect: Translation = (said) => {
  const drop = Object.entries(idle).flatMap(([key, isIdle]) => (said.has(key) && isIdle(said) ? [key] : []))
  return drop.length === 0
    ? {}
    : { drop, note: `Without effect beside the other options, there as here: ${drop.join(', ')}.` }
}

/** SimpleTuner makes sides of images multiples of this many pixels. */
const alignment = 64

/** The side of a square of so many megapixels, as there. */
const sideOf = (megapixels: number): number =>
  Math.max(1, Math.round(Math.floor(Math.sqrt(megapixels * 1e6)) / alignment)) * alignment

/** What is trained on is for somebody to say; a resolution is that of a folder of images. */
const data: Translation = (said, flagged) => {
  const [dataset, backends] = [said.get('dataset'), said.get('data_backend_config')]
  if (dataset === undefined)
    return {
      drop: ['resolution'],
      problem: {
        key: backends === undefined ? 'dataset' : 'data_backend_config',
        value: backends ?? null,
        allowed: `--dataset beside it, since data backends are not read: ${options.dataset.kind.allowed}`,
      },
    }
  const resolution = said.get('resolution')
  if (resolution === undefined || flagged.has('resolution')) return {}
  if (datasetNames.some((name) => name === dataset) || show(dataset).endsWith('.safetensors'))
    return {
      drop: ['resolution'],
      note: `resolution ${show(resolution)} is not used: it is for images of a folder, and ${show(dataset)} has a size of its own.`,
    }
  if (said.get('resolution_type') !== 'area') return { drop: ['resolution_type'] }
  const side = sideOf(Number(resolution))
  return {
    drop: ['resolution_type'],
    set: { resolution: side },
    note: `resolution ${show(resolution)}, which resolution_type area has in megapixels, is ${side} here, the side of a square in pixels.`,
  }
}

const adapting = ['model_type', 'lora_rank', 'lora_alpha', 'lora_dropout'] as const

/** Which model is adapted there is no ONNX file. */
const ofTheirModel: Translation = (said) =>
  bringsModel(said)
    ? {}
    : {
        drop: adapting,
        ...(said.get('model_type') === 'lora'
          ? {
              note: 'model_type lora has nothing to adapt yet: --model.path model.onnx names it. Without, all of a new model is trained.',
            }
          : {}),
      }

/** There it is how a GPU computes what fits no other way, and written in every file; here it is a choice, which CPUs do not have. */
const precision: Translation = (said, flagged) =>
  said.get('mixed_precision') === 'bf16' && !flagged.has('mixed_precision')
    ? {
        drop: ['mixed_precision'],
        note: 'mixed_precision bf16 is not taken over: float32 computes the same more exactly, on any device. On a GPU, --mixed_precision bf16 is faster.',
      }
    : {}

/** Each sees what those before it made. */
export const translations: ReadonlyArray<Translation> = [
  family,
  timesteps,
  mixflow,
  shift,
  optimizer,
  optimizerConfig,
  validationSampler,
  guidance,
  schedule,
  withoutEffect,
  data,
  ofTheirModel,
  precision,
]
