import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as J from 'fp-ts/lib/Json.js'
import * as t from 'io-ts'
import { float32, type Parameterisation, type Tensor } from '../types/index.js'
import { moduleOf, survey } from './adaptable.js'
import type { Adapted } from './adapted.js'
import { type AdapterTensors, scaling } from './adapter.js'
import { toPeft } from './to-peft.js'

/** The parts of a pipeline of diffusers that have adapters. */
const parts = ['unet', 'transformer'] as const

/** Which of them a denoiser is, by the names of its layers: those of every UNet are in blocks down, in the middle and up. */
const partOf = (modules: ReadonlyArray<string>): (typeof parts)[number] =>
  modules.some((module) => /^(down_blocks|mid_block|up_blocks)\./.test(module)) ? 'unet' : 'transformer'

/** The one module that all layers are in, blocks of them among others, with its dot: of what was wrapped around a denoiser to export it; else nothing. */
const wrapperOf = (modules: ReadonlyArray<string>): string => {
  const outermost = new Set(modules.map((module) => /^[^.]+\./.exec(module)?.[0] ?? ''))
  const [wrapper] = outermost
  const blocks = modules.some((module) => /^\w*(blocks?|layers)\./.test(module.slice(wrapper.length)))
  return outermost.size === 1 && blocks ? wrapper : ''
}

/**
 * The adapters of a model as `load_lora_weights` of diffusers' pipelines reads them, the content of pytorch_lora_weights.safetensors:
 * `<part>.<module>.lora_A.weight` and `….lora_B.weight`, where the part of the pipeline is `unet` or `transformer`. Such a file stands alone, and
 * who reads it takes the rank for alpha; so the scale is folded into B.
 *
 * @param tensors the adapters' values; those they begin with where left out
 * @throws GraphFailure where a value is missing or has other dimensions
 * @example
 * declare const adapted: Adapted<'epsilon'>, trained: AdapterTensors
 * const file = encodeSafetensors(toDiffusers(adapted, trained), { format: 'pt' })
 */
export const toDiffusers = (
  adapted: Pick<Adapted<Parameterisation>, 'base' | 'adapters' | 'dropout'>,
  tensors?: AdapterTensors,
): Readonly<Record<string, Tensor>> => {
  const layers = [...survey(adapted.base).keys()].map(moduleOf)
  const wrapper = wrapperOf(layers)
  const part = partOf(layers.map((layer) => layer.slice(wrapper.length)))
  const saved = toPeft(adapted, tensors, part).tensors
  const scales = new Map(
    adapted.adapters.map((adapter) => [`${part}.${adapter.weight.module}.lora_B.weight`, scaling(adapter)]),
  )
  return Object.fromEntries(
    Object.entries(saved).map(([name, tensor]) => {
      const scale = scales.get(name) ?? 1
      return [
        `${part}.${name.slice(part.length + 1 + wrapper.length)}`,
        scale === 1 || tensor.type !== 'float32'
          ? tensor
          : float32(
              tensor.dims,
              tensor.data.map((x) => x * scale),
            ),
      ]
    }),
  )
}

/**
 * What a file that diffusers saved says of its adapters, in its metadata: the content of PEFT's adapter_config.json, its keys after the part of the
 * pipeline.
 *
 * @param metadata of the safetensors file
 * @returns undefined where it says nothing; Left what is wrong
 * @example
 * const config = diffusersConfig({ format: 'pt' }) // undefined
 */
export const diffusersConfig = (
  metadata: Readonly<Record<string, string>>,
): E.Either<string, Readonly<Record<string, unknown>> | undefined> => {
  if (!Object.hasOwn(metadata, 'lora_adapter_metadata')) return E.right(undefined)
  return pipe(
    J.parse(metadata['lora_adapter_metadata']),
    E.mapLeft(() => 'its lora_adapter_metadata is not JSON'),
    E.filterOrElse(t.UnknownRecord.is, () => 'its lora_adapter_metadata is no object'),
    E.map((config) =>
      Object.fromEntries(
        Object.entries(config).map(([key, value]) => [
          key.replace(new RegExp(`^(${parts.join('|')})\\.`), ''),
          value,
        ]),
      ),
    ),
  )
}
