import { fromBinary } from '@bufbuild/protobuf'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { bind, decode, encode, isStatic, leaves, topological, type Graph } from '../../lib/onnx/index.js'
import { ModelProtoSchema } from '../../lib/onnx/proto/onnx_pb.js'
import { goldenCase, goldenCases, tensorOf, type GoldenCase } from '../golden/gradients.js'
import { relativeError, runModel } from './run-model.js'

/** Every golden graph, written by PyTorch or by hand, decoded, bound to its batch, encoded again and run. */

/** The symbolic dimensions a file declares, with the lengths of the reference inputs. */
const dimsOf = (golden: GoldenCase): Record<string, number> => {
  const dims: Record<string, number> = {}
  for (const { name, type } of fromBinary(ModelProtoSchema, golden.model).graph?.input ?? []) {
    const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined
    shape?.dim.forEach(({ value }, i) => {
      if (value.case === 'dimParam') dims[value.value] = tensorOf(golden, `input/${name}`).dims[i]
    })
  }
  return dims
}

/** Their structure depends on a length: without a number for it there is no saying which branch is meant. */
const needDims = ['ops/export_if_squeeze', 'ops/export_if_squeeze_taken']

const decoded = (golden: GoldenCase, dims: Readonly<Record<string, number>> = {}): Graph => {
  const result = decode(golden.model, { dims })
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

describe.each(goldenCases)('$path', ({ path, suggested_tolerance: tolerance }) => {
  test(`computes the reference output`, async () => {
    const golden = goldenCase(path)
    const dims = dimsOf(golden)
    const open = decoded(golden, needDims.includes(path) ? dims : {})
    const graph = bind(open, dims)
    const output = graph.outputs[golden.meta.output.name]
    expect(output.shape).toEqual(golden.meta.output.shape)
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
    // With the batch still a symbol, and with it bound.
    for (const form of Object.keys(dims).length > 0 ? [open, graph] : [graph]) {
      const results = await runModel(encode({ ...form, parameters: 'initializers' }), feeds)
      const result = results.get(golden.meta.output.name)
      if (result === undefined) throw new Error('no output')
      const error = relativeError(result, tensorOf(golden, 'output'))
      expect(error).toBeLessThanOrEqual(tolerance.forward_max_rel)
    }
  })
})

test.each(needDims)('%s says that it needs a number for a symbolic dimension', (path) => {
  const result = decode(goldenCase(path).model)
  expect(result).toMatchObject({ _tag: 'Left', left: { _tag: 'GraphError', node: '/If' } })
})
