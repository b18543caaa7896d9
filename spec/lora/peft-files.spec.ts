import { decodeSafetensors } from 'deriva/checkpoint'
import { fromPeft, merged, toPeft } from 'deriva/lora'
import { describe, expect, it } from 'vitest'
import { worstError } from '../onnx/run-model.js'
import { evaluated, tensorOf } from './kit.js'
import { network, recorded, saved } from './peft-network.js'
import { right } from '../either.js'

describe('a file that PEFT saved', () => {
  const { tensors } = right(decodeSafetensors(saved.tensors))

  it('is read with its ranks, alphas and scaling, and predicts what PEFT predicts', async () => {
    const adapted = right(fromPeft(network(), { tensors, config: saved.config }))
    expect(
      Object.fromEntries(adapted.adapters.map(({ weight, rank, alpha }) => [weight.module, [rank, alpha]])),
    ).toEqual({ 'blocks.0.qkv': [2, 5], 'blocks.1.qkv': [2, 3], conv: [2, 3], qkv: [4, 3] })
    const feeds = { x: tensorOf(recorded.x) }
    const { result } = await evaluated({ result: adapted.prediction }, feeds)
    const { folded } = await evaluated({ folded: merged(adapted).prediction }, feeds)
    expect(worstError(result, tensorOf(recorded.result))).toBeLessThan(1e-5)
    expect(worstError(folded, tensorOf(recorded.result))).toBeLessThan(1e-5)
  })

  it('is written again with the same names and numbers', () => {
    const again = toPeft(right(fromPeft(network(), { tensors, config: saved.config })))
    expect(Object.keys(again.tensors).sort()).toEqual(Object.keys(tensors).sort())
    for (const [name, { dims, data }] of Object.entries(tensors)) {
      expect(again.tensors[name].dims).toEqual(dims)
      expect(again.tensors[name].data).toEqual(data)
    }
  })
})
