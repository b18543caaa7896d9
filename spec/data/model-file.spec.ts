import { mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { externalIn, readModelFile, writeModelFile } from 'deriva/data'
import { encodeBeside, input, leaves, matMul, parameter, type Encodable } from 'deriva/onnx'
import { float32, type Tensor } from 'deriva/types'
import * as E from 'fp-ts/lib/Either.js'
import * as ort from 'onnxruntime-node'
import { afterAll, describe, expect, it } from 'vitest'
import { ModelProtoSchema, type TensorProto } from '../../lib/onnx/proto/onnx_pb.js'

const folder = mkdtempSync(join(tmpdir(), 'deriva-model-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const side = 48
const numbers = (seed: number): Float32Array =>
  Float32Array.from({ length: side * side }, (_, i) => Math.sin(i * seed))
const weights = { first: float32([side, side], numbers(0.7)), second: float32([side, side], numbers(1.3)) }
const x = input('x', 'float32', ['batch', side])
const graph: Encodable = {
  outputs: {
    y: matMul(matMul(x, parameter('first', weights.first)), parameter('second', weights.second)),
  },
  parameters: 'initializers',
}
const path = join(folder, 'model.onnx')

const initials = (values: ReadonlyArray<Parameters<typeof leaves>[0][number]>): Record<string, Tensor> =>
  Object.fromEntries(
    leaves(values).flatMap(({ node }) => (node.kind === 'parameter' ? [[node.name, node.initial]] : [])),
  )

/** The model with something else said of where its first weight is. */
const told = (name: string, change: (tensor: TensorProto) => void): string => {
  const model = fromBinary(ModelProtoSchema, readFileSync(path))
  const [tensor] = model.graph?.initializer ?? []
  change(tensor)
  const changed = join(folder, name)
  writeFileSync(changed, toBinary(ModelProtoSchema, model))
  return changed
}

const entry = (key: string, value: string) => (tensor: TensorProto) => {
  for (const e of tensor.externalData) if (e.key === key) e.value = value
}

const messageOf = async (file: string): Promise<string> => {
  const result = await readModelFile(file)()
  if (E.isRight(result)) throw new Error('it was read')
  expect(result.left._tag).toBe('GraphError')
  return result.left.message
}

describe('a model whose weights stand beside it', () => {
  it('is what was written, in ONNX Runtime as well', async () => {
    expect(await writeModelFile(path, graph, 0)()).toEqual(E.right(undefined))
    const read = await readModelFile(path)()
    if (E.isLeft(read)) throw new Error(read.left.message)
    expect(initials(Object.values(read.right.outputs))).toEqual(weights)

    const feed = { x: new ort.Tensor('float32', numbers(0.3).slice(0, side), [1, side]) }
    const options = { intraOpNumThreads: 1 }
    const fromFile = await ort.InferenceSession.create(path, options)
    const { model } = encodeBeside(graph, 'elsewhere')
    const given = await ort.InferenceSession.create(model, {
      ...options,
      externalData: [{ path: 'elsewhere', data: readFileSync(`${path}.data`) }],
    })
    const [a, b] = [await fromFile.run(feed), await given.run(feed)]
    const { first, second } = weights
    const expected = Array.from({ length: side }, (_, j) =>
      Array.from({ length: side }, (_, i) => i).reduce(
        (sum, i) =>
          sum +
          Array.from({ length: side }, (_, k) => k).reduce(
            (inner, k) => inner + feed.x.data[k] * first.data[k * side + i],
            0,
          ) *
            second.data[i * side + j],
        0,
      ),
    )
    const y = Array.from(a['y'].data as Float32Array)
    expect(y.every((v, i) => Math.abs(v - expected[i]) < 1e-4)).toBe(true)
    expect(b['y'].data).toEqual(a['y'].data)
    await Promise.all([fromFile.release(), given.release()])
  })

  it('starts every tensor at a page, and copies none', () => {
    const { beside } = encodeBeside(graph, 'data')
    expect(beside.map(({ offset }) => offset)).toEqual([0, 12288])
    expect(beside.map(({ bytes }) => bytes().buffer)).toEqual([
      weights.first.data.buffer,
      weights.second.data.buffer,
    ])
  })

  it.each<[string, (tensor: TensorProto) => void, RegExp]>([
    ['a folder above', entry('location', '../model.onnx.data'), /outside the model's folder/],
    ['another folder', entry('location', '/etc/passwd'), /outside the model's folder/],
    ['a way out in the middle', entry('location', 'a/../../b'), /outside the model's folder/],
    ['backslashes', entry('location', '..\\b'), /outside the model's folder/],
    ['a link out', entry('location', 'link'), /a link out of/],
    ['the folder itself', entry('location', '.'), /not a file|directory/i],
    ['nothing', entry('location', ''), /does not say which/],
    ['no such file', entry('location', 'absent'), /ENOENT|no such file/],
    ['an offset beyond the end', entry('offset', '999999999999'), /bytes, too few/],
    ['an offset that is no number', entry('offset', '-4'), /no number of bytes/],
    ['a length beyond any', entry('length', '99999999999999999999'), /no number of bytes/],
    ['a length that the shape does not have', entry('length', '16'), /needs 9216 bytes/],
    [
      'a shape beyond any memory',
      (tensor) => {
        tensor.dims = [2n ** 40n]
        tensor.externalData = tensor.externalData.filter(({ key }) => key !== 'length')
      },
      /bytes, too few for 4398046511104/,
    ],
    [
      'a negative shape',
      (tensor) => {
        tensor.dims = [-1n]
      },
      /length -1/,
    ],
  ])('is refused where it says %s', async (what, change, message) => {
    if (what === 'a link out') symlinkSync('/etc/hostname', join(folder, 'link'))
    expect(await messageOf(told(`${what.replaceAll(' ', '-')}.onnx`, change))).toMatch(message)
  })

  it('is refused where there is no file, or its weights are cut off', async () => {
    expect(await messageOf(join(folder, 'absent.onnx'))).toMatch(/ENOENT/)
    truncateSync(`${path}.data`, 100)
    expect(await messageOf(path)).toMatch(/"first".*has 100 bytes, too few for 9216/)
  })

  it('gives exactly the bytes asked for', () => {
    writeFileSync(join(folder, 'bytes'), Uint8Array.of(1, 2, 3, 4, 5))
    const read = externalIn(folder)({ location: 'bytes', offset: 1, length: 3 })
    expect(E.isRight(read) && [...new Uint8Array(read.right.read())]).toEqual([2, 3, 4])
  })
})
