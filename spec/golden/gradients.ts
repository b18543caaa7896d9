import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Tensor } from '../../lib/types/index.js'
import { safetensors } from './safetensors.js'

/** Reference outputs, gradients and AdamW steps of small ONNX graphs; spec/fixtures/gradients/README.md says what each file holds. */
const root = fileURLToPath(new URL('../fixtures/gradients/', import.meta.url))

/** What `index.json` says of every case. `path` (`nets/unet_small`, `ops/add_row`) is its key. */
export type GoldenSummary = {
  readonly path: string
  readonly kind: 'net' | 'op'
  readonly what: string
  readonly opset: number
  readonly parameters: number
  readonly nodes: number
  readonly inputs: ReadonlyArray<string>
  readonly ops: ReadonlyArray<string>
  readonly suggested_tolerance: GoldenTolerance
}

export type GoldenTolerance = {
  readonly forward_max_rel: number
  readonly grad_tensor_rel_l2: number
  readonly adamw_over_lr: number | null
  readonly adamw_min_abs_grad: number | null
}

/** The part of `meta.json` that specs use. */
export type GoldenMeta = {
  readonly name: string
  readonly opset: number
  readonly inputs: ReadonlyArray<{
    readonly name: string
    readonly dtype: string
    readonly shape: ReadonlyArray<number>
    readonly grad: boolean
  }>
  readonly output: { readonly name: string; readonly shape: ReadonlyArray<number> }
  readonly losses_float64: ReadonlyArray<number>
  readonly trainable: ReadonlyArray<string>
  readonly frozen: ReadonlyArray<string>
  readonly unused_parameters: ReadonlyArray<string>
  readonly inputs_without_gradient: ReadonlyArray<string>
  readonly identically_zero_gradients: ReadonlyArray<string>
  readonly numerically_zero_gradients: ReadonlyArray<string>
  readonly adamw: {
    readonly lr: number
    readonly betas: readonly [number, number]
    readonly eps: number
    readonly weight_decay: number
  } | null
  readonly suggested_tolerance: GoldenTolerance
}

export type GoldenCase = {
  readonly model: Uint8Array
  readonly meta: GoldenMeta
  /** `input/x`, `output`, `target`, `loss`, `losses`, `grad/input/x`, `grad/param/w`, `adamw1/w`, `adamw3/w`. */
  readonly tensors: ReadonlyMap<string, Tensor>
}

const json = (path: string): unknown => JSON.parse(readFileSync(root + path, 'utf8'))

// The fixtures are ours and committed: their layout is trusted rather than validated.
export const goldenCases: ReadonlyArray<GoldenSummary> = (
  json('index.json') as { cases: ReadonlyArray<GoldenSummary> }
).cases

export const goldenCase = (path: string): GoldenCase => ({
  model: new Uint8Array(readFileSync(`${root}${path}/model.onnx`)),
  meta: json(`${path}/meta.json`) as GoldenMeta,
  tensors: safetensors(new Uint8Array(readFileSync(`${root}${path}/tensors.safetensors`))),
})

/** A tensor the case must have: a missing name is a mistake in the spec. */
export const tensorOf = (golden: GoldenCase, name: string): Tensor => {
  const tensor = golden.tensors.get(name)
  if (tensor === undefined) throw new Error(`golden case ${golden.meta.name} has no tensor "${name}"`)
  return tensor
}
