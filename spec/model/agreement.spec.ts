import { readFileSync } from 'node:fs'
import { dit, mlp, unet } from 'deriva/model'
import { leaves, parameter, substitute, type Value } from 'deriva/onnx'
import { describe, expect, it } from 'vitest'
import { safetensors } from '../golden/safetensors.js'
import { evaluate } from './evaluate.js'

/** The same denoisers written a second time in PyTorch (spec/fixtures/model/generate.py), with the same random weights. */

const common = { parameterisation: 'flow_matching', seed: 1 } as const

const cases: ReadonlyArray<readonly [string, Value]> = [
  [
    'dit',
    dit({ ...common, sample: [2, 8, 12], classes: 4, patch: 2, width: 16, depth: 2, heads: 2, ratio: 3 })
      .prediction,
  ],
  [
    'unet',
    unet({
      ...common,
      sample: [2, 8, 16],
      classes: 4,
      patch: 2,
      width: 8,
      levels: 2,
      depth: 2,
      heads: 2,
      groups: 4,
    }).prediction,
  ],
  [
    'unet-plain',
    unet({ ...common, sample: [1, 12, 8], classes: 4, patch: 1, width: 8, levels: 3, depth: 1 }).prediction,
  ],
  ['mlp', mlp({ ...common, sample: [3, 2], width: 16, depth: 2 }).prediction],
]

describe('denoisers against PyTorch', () => {
  it.each(cases)('%s predicts the same from the same weights', async (name, prediction) => {
    // A Buffer's own slice is a view; the reader counts on copies.
    const bytes = new Uint8Array(
      readFileSync(new URL(`../fixtures/model/${name}.safetensors`, import.meta.url)),
    )
    const tensors = safetensors(bytes)
    const weights = [...tensors.keys()].filter((key) => key.startsWith('weights/'))
    const ours = leaves([prediction]).flatMap(({ node }) => (node.kind === 'parameter' ? [node] : []))
    expect(ours.map((node) => `weights/${node.name}`).sort()).toEqual(weights.sort())
    const [loaded] = substitute([prediction], ({ node }) => {
      if (node.kind !== 'parameter') return undefined
      const tensor = tensors.get(`weights/${node.name}`)
      expect(tensor?.dims, node.name).toEqual(node.initial.dims)
      return tensor && parameter(node.name, tensor)
    })
    const inputs = Object.fromEntries(
      ['latents', 'timestep', 'label'].flatMap((key) => {
        const tensor = tensors.get(key)
        return tensor === undefined ? [] : [[key, tensor]]
      }),
    )
    const got = Array.from((await evaluate(loaded, inputs)).data, Number)
    const want = Array.from(tensors.get('prediction')?.data ?? [], Number)
    const scale = Math.max(...want.map(Math.abs))
    expect(got).toHaveLength(want.length)
    expect(Math.max(...want.map((x, i) => Math.abs(x - got[i]))) / scale).toBeLessThan(1e-5)
  })
})
