import { readFileSync } from 'node:fs'
import {
  add,
  conv,
  input,
  matMul,
  mul,
  parameter,
  reduceSum,
  sigmoid,
  split,
  transpose,
  unsqueeze,
  type Value,
} from 'deriva/onnx'
import type { Model } from 'deriva/model'
import { modelOf, tensorOf } from './kit.js'

const folder = new URL('../fixtures/lora/peft/', import.meta.url)

type Listed = Parameters<typeof tensorOf>[0]

/** The network of spec/fixtures/lora/generate_peft.py: its weights, an input, and the result with the adapters beside it. */
export const recorded = JSON.parse(readFileSync(new URL('network.json', folder), 'utf8')) as {
  readonly weights: Readonly<Record<string, Listed>>
  readonly x: Listed
  readonly result: Listed
}

/** What PEFT saved. */
export const saved = {
  tensors: new Uint8Array(readFileSync(new URL('adapter_model.safetensors', folder))),
  config: JSON.parse(readFileSync(new URL('adapter_config.json', folder), 'utf8')) as unknown,
} as const

const weight = (name: string): Value => parameter(name, tensorOf(recorded.weights[name]))

const linear = (name: string, x: Value): Value =>
  add(matMul(x, transpose(weight(`${name}.weight`), [1, 0])), weight(`${name}.bias`))

const block = (name: string, x: Value): Value => {
  const [q, k, v] = split(linear(`${name}.qkv`, x), [8, 8, 8], 2)
  return add(add(x, mul(q, sigmoid(k))), v)
}

/** The same network as a graph, with its weights stored as PyTorch stores them. */
export const network = (): Model<'sample'> => {
  const entered = linear('qkv', input('x', 'float32', recorded.x.dims))
  const x = ['blocks.0', 'blocks.1'].reduce((y, name) => block(name, y), entered)
  const image = conv(unsqueeze(x, [1]), weight('conv.weight'), weight('conv.bias'), { pads: [1, 1, 1, 1] })
  return modelOf(add(x, reduceSum(image, [1], false)))
}
