import { readFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { type Adapted, type AdapterTensors, adapterTensors } from 'deriva/lora'
import type { Model } from 'deriva/model'
import { encode, leaves, parameter, substitute, topological, type Value } from 'deriva/onnx'
import { normal } from 'deriva/random'
import { float32, type Parameterisation, size, type Tensor, type TensorOf } from 'deriva/types'
import { runModel } from '../onnx/run-model.js'

export const left = <B>(either: E.Either<B, unknown>): B => {
  if (E.isRight(either)) throw new Error('expected a refusal')
  return either.left
}

/** A model that is nothing but a prediction. */
export const modelOf = (prediction: Value): Model<'sample'> => ({
  parameterisation: 'sample',
  sample: prediction.shape.slice(1).map(Number),
  prediction,
})

/** Normal numbers, others for every seed. */
export const random = (dims: ReadonlyArray<number>, seed: number, deviation = 1): TensorOf<'float32'> =>
  float32(
    dims,
    normal({ seed, purpose: 'data', step: 0, sample: 0 }, new Float32Array(size(dims))).map(
      (x) => deviation * x,
    ),
  )

/** The same model with random weights: layers that start as zeros hide what is below them. */
export const stirred = <P extends Parameterisation>(model: Model<P>): Model<P> => {
  const [prediction] = substitute([model.prediction], ({ node }) =>
    node.kind === 'parameter'
      ? parameter(node.name, random(node.initial.dims, node.name.length, 0.2))
      : undefined,
  )
  return { ...model, prediction }
}

/** Values for adapters that change something: fresh ones have zeros in B. */
export const somewhere = (
  adapted: Pick<Adapted<Parameterisation>, 'adapters'>,
  seed: number,
): AdapterTensors =>
  Object.fromEntries(
    Object.entries(adapterTensors(adapted)).map(([name, { dims }], i) => [name, random(dims, seed + i, 0.3)]),
  )

/** What ONNX Runtime computes for some values, weights at their initial values. */
export const evaluated = async <K extends string>(
  outputs: Readonly<Record<K, Value>>,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<K, Tensor>>> =>
  Object.fromEntries(await runModel(encode({ outputs, parameters: 'initializers' }), feeds)) as Record<
    K,
    Tensor
  >

export const parametersOf = (
  value: Value,
): ReadonlyArray<{ readonly name: string; readonly initial: Tensor }> =>
  leaves([value]).flatMap(({ node }) =>
    node.kind === 'parameter' ? [{ name: node.name, initial: node.initial }] : [],
  )

/** The arrays of the constants of a graph, by the names that they are exported under. */
export const constantsOf = (value: Value): ReadonlyMap<string, Tensor['data']> =>
  new Map(
    topological([value]).flatMap((node) =>
      node.kind === 'constant' && node.name !== undefined ? [[node.name, node.tensor.data] as const] : [],
    ),
  )

type Listed = { readonly dims: ReadonlyArray<number>; readonly data: ReadonlyArray<number> }

export type PeftCase = {
  readonly name: string
  readonly rank: number
  readonly alpha: number
  readonly variant: 'lora' | 'rslora'
  readonly window?: { readonly stride: number; readonly padding: number; readonly dilation: number }
} & Readonly<
  Record<
    'weight' | 'bias' | 'a' | 'b' | 'x' | 'cotangent' | 'result' | 'gradA' | 'gradB' | 'gradX' | 'merged',
    Listed
  >
>

/** Forward and backward of PEFT's layers: spec/fixtures/lora/generate.py. */
export const peftCases = JSON.parse(
  readFileSync(new URL('../fixtures/lora/lora.json', import.meta.url), 'utf8'),
) as ReadonlyArray<PeftCase>

export const tensorOf = ({ dims, data }: Listed): TensorOf<'float32'> => float32(dims, data)

export const transposed = ({ dims: [m, n], data }: TensorOf<'float32'>): TensorOf<'float32'> =>
  float32(
    [n, m],
    Float32Array.from(data, (_, i) => data[(i % m) * n + Math.floor(i / m)]),
  )
