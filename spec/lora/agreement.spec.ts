import { grad } from 'deriva/autodiff'
import { adapterTensors, lora, merged, withTensors } from 'deriva/lora'
import {
  add,
  conv,
  gemm,
  input,
  matMul,
  mul,
  parameter,
  reduceSum,
  transpose,
  type Value,
  leaves,
} from 'deriva/onnx'
import type { TensorOf } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { worstError } from '../onnx/run-model.js'
import { evaluated, modelOf, type PeftCase, peftCases, tensorOf, transposed } from './kit.js'
import { right } from '../either.js'

/** Outputs, gradients and merged weights against PEFT's formulas in PyTorch, in every form a layer can have in a graph. */

type Form = {
  readonly form: string
  readonly layer: (x: Value, bias: Value) => Value
  /** Whether the weight is stored as PyTorch has it, [out, in]. */
  readonly stored: 'out,in' | 'in,out'
}

const formsOf = ({ weight, window, x }: PeftCase): ReadonlyArray<Form> => {
  const w = tensorOf(weight)
  const as = (tensor: TensorOf<'float32'>): Value => parameter('layer.weight', tensor)
  if (window !== undefined) {
    const { stride, padding, dilation } = window
    const options = {
      strides: [stride, stride],
      pads: [padding, padding, padding, padding],
      dilations: [dilation, dilation],
    }
    return [{ form: 'Conv', stored: 'out,in', layer: (v, bias) => conv(v, as(w), bias, options) }]
  }
  const swap = (v: Value): Value => transpose(v, [1, 0])
  const products: ReadonlyArray<Form> = [
    { form: 'MatMul', stored: 'in,out', layer: (v, b) => add(matMul(v, as(transposed(w))), b) },
    { form: 'MatMul of a Transpose', stored: 'out,in', layer: (v, b) => add(matMul(v, swap(as(w))), b) },
  ]
  if (x.dims.length > 2) return products
  return [
    ...products,
    {
      form: 'MatMul from the left',
      stored: 'out,in',
      layer: (v, b) => add(swap(matMul(as(w), swap(v))), b),
    },
    { form: 'Gemm', stored: 'in,out', layer: (v, b) => gemm(v, as(transposed(w)), b) },
    { form: 'Gemm, transB', stored: 'out,in', layer: (v, b) => gemm(v, as(w), b, { transB: true }) },
    {
      form: 'Gemm, transA and transB, alpha',
      stored: 'out,in',
      layer: (v, b) => gemm(swap(mul(v, 4)), as(w), b, { transA: true, transB: true, alpha: 0.25 }),
    },
    {
      form: 'Gemm from the left, transA',
      stored: 'in,out',
      layer: (v, b) => add(swap(gemm(as(transposed(w)), v, undefined, { transA: true, transB: true })), b),
    },
  ]
}

const cases = peftCases.flatMap((peft) => formsOf(peft).map((form) => ({ ...form, ...peft, peft })))

describe('LoRA against PEFT', () => {
  it.each(cases)('$name as $form: outputs, gradients and merged weight', async ({ peft, layer, stored }) => {
    const { rank, alpha, variant } = peft
    const x = input('x', 'float32', peft.x.dims)
    const model = modelOf(layer(x, parameter('layer.bias', tensorOf(peft.bias))))
    const fresh = right(lora({ rank, alpha, variant, targets: ['layer'], seed: 1 })(model))
    expect(Object.keys(adapterTensors(fresh))).toEqual(['layer.lora_A.weight', 'layer.lora_B.weight'])
    const adapted = withTensors(fresh, {
      'layer.lora_A.weight': tensorOf(peft.a),
      'layer.lora_B.weight': tensorOf(peft.b),
    })
    const { prediction } = adapted
    const parameters = leaves([prediction]).filter(({ node }) => node.kind === 'parameter')
    const named = (name: string): Value =>
      parameters.find(({ node }) => node.kind === 'parameter' && node.name.endsWith(name)) ?? x
    const loss = reduceSum(mul(prediction, input('cotangent', 'float32', prediction.shape)), undefined, false)
    const [gradA, gradB, gradX] = right(grad(loss, [named('lora_A.weight'), named('lora_B.weight'), x]))
    const plain = merged(adapted).prediction
    const feeds = { x: tensorOf(peft.x), cotangent: tensorOf(peft.cotangent) }
    const got = await evaluated({ result: prediction, gradA, gradB, gradX }, feeds)
    const folded = await evaluated({ result: plain }, { x: feeds.x })
    expect(worstError(got.result, tensorOf(peft.result))).toBeLessThan(1e-5)
    expect(worstError(folded.result, tensorOf(peft.result))).toBeLessThan(1e-5)
    expect(worstError(got.gradA, tensorOf(peft.gradA))).toBeLessThan(1e-5)
    expect(worstError(got.gradB, tensorOf(peft.gradB))).toBeLessThan(1e-5)
    expect(worstError(got.gradX, tensorOf(peft.gradX))).toBeLessThan(1e-5)

    const weight = leaves([plain]).flatMap(({ node }) =>
      node.kind === 'parameter' && node.name === 'layer.weight' ? [node.initial] : [],
    )[0]
    if (weight.type !== 'float32') throw new Error(weight.type)
    const want = tensorOf(peft.merged)
    // Both are float64 results rounded once: nearly always the very same numbers.
    expect(worstError(stored === 'out,in' ? weight : transposed(weight), want)).toBeLessThan(1.2e-7)
  })
})
