import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { bind, decode, encode, isStatic, leaves, topological } from '../../lib/onnx/index.js'
import { goldenCase, goldenCases, tensorOf } from '../golden/gradients.js'
import { relativeError, runModel } from './run-model.js'

/** Every golden graph, written by PyTorch or by hand, decoded, bound to its batch, encoded again and run. */

const dimsOf = (path: string): Record<string, number> => {
  const golden = goldenCase(path)
  const decoded = decode(golden.model)
  if (E.isLeft(decoded)) throw new Error(decoded.left.message)
  const dims: Record<string, number> = {}
  for (const input of decoded.right.inputs) {
    if (input.node.kind !== 'input') continue
    const { dims: actual } = tensorOf(golden, `input/${input.node.name}`)
    input.shape.forEach((dim, i) => {
      if (typeof dim === 'string') dims[dim] = actual[i] ?? 0
    })
  }
  return dims
}

describe.each(goldenCases)('$path', ({ path, suggested_tolerance: tolerance }) => {
  test(`computes the reference output`, async () => {
    const golden = goldenCase(path)
    const decoded = decode(golden.model)
    if (E.isLeft(decoded)) throw new Error(decoded.left.message)
    const graph = bind(decoded.right, dimsOf(path))
    const output = graph.outputs[golden.meta.output.name]
    expect(output?.shape).toEqual(golden.meta.output.shape)
    for (const node of topological(Object.values(graph.outputs))) {
      expect(node.outputs.every(({ shape }) => isStatic(shape))).toBe(true)
    }
    const parameters = leaves(Object.values(graph.outputs)).flatMap(({ node }) =>
      node.kind === 'parameter' ? [node.name] : [],
    )
    const used = golden.meta.trainable.filter((name) => !golden.meta.unused_parameters.includes(name))
    expect(parameters).toEqual(expect.arrayContaining(used))
    const feeds = Object.fromEntries(
      golden.meta.inputs.map(({ name }) => [name, tensorOf(golden, `input/${name}`)]),
    )
    const results = await runModel(encode({ ...graph, parameters: 'initializers' }), feeds)
    const result = results.get(golden.meta.output.name)
    if (result === undefined) throw new Error('no output')
    const error = relativeError(result, tensorOf(golden, 'output'))
    if (process.env['SHOW']) console.log('ERR', path, error)
    expect(error).toBeLessThanOrEqual(tolerance.forward_max_rel)
  })
})
