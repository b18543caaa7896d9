import { float32, type Parameterisation, type Tensor, type TensorOf } from '../types/index.js'
import type { Adapted } from './adapted.js'
import { type Adapter, type AdapterTensors, factorDims, revalued, scaling } from './adapter.js'
import type { PeftConfig } from './peft-config.js'
import { asExpression } from './target.js'

/** Adapters as files hold them. */
export type PeftAdapters = {
  /** The content of adapter_model.safetensors. */
  readonly tensors: Readonly<Record<string, Tensor>>
  /** The content of adapter_config.json. */
  readonly config: PeftConfig
}

type Whole = {
  readonly module: string
  readonly rank: number
  readonly alpha: number
  readonly a: TensorOf<'float32'>
  readonly b: TensorOf<'float32'>
}

/** Slices as one adapter of the whole weight: A above each other, B along the diagonal, and an alpha that keeps the scale. */
const whole = (adapter: Adapter, rslora: boolean): Whole => {
  const { weight, parts, split } = adapter
  const rank = adapter.rank * parts.length
  const asItIs = parts.length === 1 && (adapter.variant === 'rslora') === rslora
  const alpha = asItIs ? adapter.alpha : scaling(adapter) * (rslora ? Math.sqrt(rank) : rank)
  const dims = factorDims(weight, rank)
  if (split === 1) return { module: weight.module, rank, alpha, a: parts[0].a.initial, b: parts[0].b.initial }
  const slice = weight.outputs / split
  const a = float32(
    dims.a,
    parts.flatMap((part) => Array.from(part.a.initial.data)),
  )
  const b = float32(dims.b, new Float32Array(weight.outputs * rank))
  parts.forEach((part, p) => {
    for (let o = 0; o < slice; o++)
      for (let r = 0; r < adapter.rank; r++)
        b.data[(part.index * slice + o) * rank + p * adapter.rank + r] =
          part.b.initial.data[o * adapter.rank + r]
  })
  return { module: weight.module, rank, alpha, a, b }
}

const exceptions = (
  wholes: ReadonlyArray<Whole>,
  field: 'rank' | 'alpha',
  usual: number,
): Readonly<Record<string, number>> =>
  Object.fromEntries(
    wholes.flatMap((adapter) =>
      adapter[field] === usual ? [] : [[`^${asExpression(adapter.module)}`, adapter[field]] as const],
    ),
  )

/**
 * The adapters of a model as PEFT saves them: `base_model.model.<module>.lora_A.weight` [rank, in] or [rank, in, …kernel] and
 * `….lora_B.weight` [out, rank] or [out, rank, 1, …], and the configuration that gives their scale. A and B lie as in `nn.Linear` and
 * `nn.Conv2d`, [out, in, …], whichever way the base weight is stored; they are the parameters of the adapted model as they are.
 *
 * Adapters of slices are written as one of the whole weight, of rank·slices, that computes the same: PEFT knows no other.
 *
 * @param tensors the adapters' values; those they begin with where left out
 * @param prefix what stands before the module: `base_model.model` for PEFT; `transformer` or `unet` for diffusers' pipelines
 * @throws GraphFailure where a value is missing or has other dimensions
 * @example
 * declare const adapted: Adapted<'epsilon'>, trained: AdapterTensors
 * const { tensors, config } = toPeft(adapted, trained)
 * const file = encodeSafetensors(tensors, { format: 'pt' })
 * const json = JSON.stringify(config)
 */
export const toPeft = (
  { adapters, dropout }: Pick<Adapted<Parameterisation>, 'adapters' | 'dropout'>,
  tensors?: AdapterTensors,
  prefix = 'base_model.model',
): PeftAdapters => {
  const rslora = adapters.some(({ variant }) => variant === 'rslora')
  const wholes = adapters.map((adapter) =>
    whole(tensors === undefined ? adapter : revalued(adapter, tensors), rslora),
  )
  const [{ rank, alpha }] = wholes
  return {
    tensors: Object.fromEntries(
      wholes.flatMap(({ module, a, b }) => [
        [`${prefix}.${module}.lora_A.weight`, a],
        [`${prefix}.${module}.lora_B.weight`, b],
      ]),
    ),
    config: {
      peft_type: 'LORA',
      task_type: null,
      base_model_name_or_path: null,
      inference_mode: true,
      r: rank,
      lora_alpha: alpha,
      lora_dropout: dropout.probability,
      use_rslora: rslora,
      use_dora: false,
      bias: 'none',
      fan_in_fan_out: false,
      init_lora_weights: true,
      modules_to_save: null,
      target_modules: wholes.map(({ module }) => asExpression(module)).join('|'),
      rank_pattern: exceptions(wholes, 'rank', rank),
      alpha_pattern: exceptions(wholes, 'alpha', alpha),
    },
  }
}
