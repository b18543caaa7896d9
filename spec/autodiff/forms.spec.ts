import { grad } from 'deriva/autodiff'
import { attention, scope } from 'deriva/model'
import {
  add,
  concat,
  constant,
  conv,
  decode,
  encode,
  gather,
  input,
  instanceNormalization,
  layerNormalization,
  leaves,
  matMul,
  mul,
  reduceMean,
  reduceSum,
  reshape,
  slice,
  split,
  transpose,
  topological,
  type Value,
} from 'deriva/onnx'
import { float32, int64 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { right } from '../either.js'

/** Gradients take the forms that ONNX Runtime runs fast; the rules say what was measured. */

const named = (outputs: ReadonlyArray<Value>): Readonly<Record<string, Value>> =>
  Object.fromEntries(outputs.map((value, i) => [`v${i}`, value]))

/** How often each operator occurs in a file with these outputs: equal expressions are written once. */
const counts = (outputs: ReadonlyArray<Value>): ReadonlyMap<string, number> => {
  const { outputs: decoded } = right(decode(encode({ outputs: named(outputs), parameters: 'inputs' })))
  const found = new Map<string, number>()
  for (const node of topological(Object.values(decoded)))
    if (node.kind === 'operator') found.set(node.operator, (found.get(node.operator) ?? 0) + 1)
  return found
}

const tensor = (name: string, ...dims: ReadonlyArray<number>): Value => input(name, 'float32', dims)

/** Operators of forward pass and gradients of Σ output · (some tensor). */
const training = (output: Value, wrt: ReadonlyArray<Value>): ReadonlyMap<string, number> => {
  const loss = reduceSum(mul(output, input('dy', 'float32', output.shape)), undefined, false)
  return counts([loss, ...right(grad(loss, wrt))])
}

describe('the gradient of', () => {
  it('a linear layer is one flat product for the weight and one for the input, without transposes', () => {
    const [x, w, b] = [tensor('x', 8, 16, 32), tensor('w', 32, 64), tensor('b', 64)]
    const operators = training(add(matMul(x, w), b), [x, w, b])
    expect(operators.get('Gemm')).toBe(2)
    expect(operators.has('Transpose')).toBe(false)
    // The layer itself, and the bias: ones times rows.
    expect(operators.get('MatMul')).toBe(2)
  })

  it('a linear layer with a transposed weight transposes it no second time', () => {
    const [x, w] = [tensor('x', 8, 16, 32), tensor('w', 64, 32)]
    const operators = training(matMul(x, transpose(w, [1, 0])), [x, w])
    expect(operators.get('Transpose')).toBe(1)
    expect(operators.get('Gemm')).toBe(2)
  })

  it('a convolution of stride 1 is a convolution for the input and one product for the weight, of columns of x and rows of dy', () => {
    const [x, w] = [tensor('x', 8, 16, 8, 8), tensor('w', 24, 16, 3, 3)]
    const operators = training(conv(x, w, undefined, { pads: [1, 1, 1, 1] }), [x, w])
    expect(operators.get('Conv')).toBe(2)
    expect(operators.get('Gemm')).toBe(1)
    expect(operators.get('Gather')).toBe(1)
    expect(operators.has('ConvTranspose')).toBe(false)
    expect(operators.has('MatMul')).toBe(false)
  })

  it('a convolution with more weights than pixels is one product for the weight, and flips images instead of the weight', () => {
    const [x, w] = [tensor('x', 1, 64, 8, 8), tensor('w', 64, 64, 3, 3)]
    const operators = training(conv(x, w, undefined, { pads: [1, 1, 1, 1] }), [x, w])
    expect(operators.get('Conv')).toBe(2)
    expect(operators.get('Gemm')).toBe(1)
    // Three columns of patches; the gradient's images there and back.
    expect(operators.get('Slice')).toBe(3 + 2)
  })

  it('a 1×1 convolution multiplies image by image', () => {
    const [x, w] = [tensor('x', 8, 16, 32, 32), tensor('w', 24, 16, 1, 1)]
    const operators = training(conv(x, w), [w])
    expect(operators.has('Gemm')).toBe(false)
    expect(operators.has('Pad')).toBe(false)
    expect(operators.get('Conv')).toBe(1)
  })

  it('a strided convolution is a ConvTranspose for the input', () => {
    const [x, w] = [tensor('x', 8, 16, 8, 8), tensor('w', 24, 16, 3, 3)]
    const operators = training(conv(x, w, undefined, { pads: [1, 1, 1, 1], strides: [2, 2] }), [x])
    expect(operators.get('ConvTranspose')).toBe(1)
  })

  it('a layer normalisation takes mean and deviation from the forward pass', () => {
    const [x, scale, bias] = [tensor('x', 8, 16, 32), tensor('scale', 32), tensor('bias', 32)]
    const operators = training(layerNormalization(x, scale, bias), [x, scale, bias])
    expect(operators.get('LayerNormalization')).toBe(1)
    expect(operators.has('ReduceMean')).toBe(false)
  })

  it('a layer normalisation without scale takes x̂ from its output', () => {
    const x = tensor('x', 8, 16, 32)
    const ones = constant(float32([32], new Array<number>(32).fill(1)))
    const operators = training(layerNormalization(x, ones), [x])
    expect(operators.get('LayerNormalization')).toBe(1)
    // ȳ − mean, and minus x̂ · mean: x − mean is not computed again.
    expect(operators.get('Sub')).toBe(2)
    expect(operators.has('Reshape')).toBe(false)
  })

  it('an attention moves heads twice on the way there and twice back; other transposes are of products’ operands', () => {
    const x = tensor('x', 2, 16, 32)
    const y = attention(scope(1).at('attention'), x, 4)
    const weights = leaves([y]).filter(({ node }) => node.kind === 'parameter')
    const loss = reduceSum(mul(y, tensor('dy', 2, 16, 32)), undefined, false)
    const file = encode({
      outputs: named([loss, ...right(grad(loss, [x, ...weights]))]),
      parameters: 'inputs',
    })
    const perms = topological(Object.values(right(decode(file)).outputs)).flatMap((node) =>
      node.kind === 'operator' && node.operator === 'Transpose' ? [node.attributes.perm.join()] : [],
    )
    expect(perms.filter((perm) => perm === '0,2,1,3').length).toBe(4)
    // Keys, values, the gradient of the scores and the softmax: products that ONNX Runtime has for transposed operands too.
    expect(perms.filter((perm) => perm === '0,1,3,2').length).toBe(4)
    expect(perms.length).toBe(8)
  })

  it('an instance normalisation lets LayerNormalization compute its statistics', () => {
    const [x, scale, bias] = [tensor('x', 8, 4, 16), tensor('scale', 4), tensor('bias', 4)]
    const operators = training(instanceNormalization(x, scale, bias), [x, scale, bias])
    expect(operators.get('LayerNormalization')).toBe(1)
  })

  it.each([
    ['Split', (x: Value): ReadonlyArray<Value> => split(x, [8, 8, 16], 1)],
    [
      'Slice',
      (x: Value): ReadonlyArray<Value> => [
        slice(x, [0], [8], [1]),
        slice(x, [8], [16], [1]),
        slice(x, [16], [32], [1]),
      ],
    ],
    [
      'Gather',
      (x: Value): ReadonlyArray<Value> => {
        const grouped = reshape(x, [4, 4, 8])
        return [0, 1, 2, 3].map((i) => gather(grouped, constant(int64([], [i])), 1))
      },
    ],
  ])('parts taken by %s is one Concat', (_, parts) => {
    const x = tensor('x', 4, 32)
    const taken = parts(x)
    const products = taken.map((part, i) =>
      reduceSum(mul(part, input(`d${i}`, 'float32', part.shape)), undefined, false),
    )
    const loss = products.reduce((sum, product) => add(sum, product))
    const operators = counts(right(grad(loss, [x])))
    expect(operators.get('Concat')).toBe(1)
    expect(operators.has('Pad')).toBe(false)
    expect(operators.has('Add')).toBe(false)
  })

  it('even and odd elements is one Concat', () => {
    const x = tensor('x', 4, 32)
    const rotated = concat([slice(x, [1], [32], [1], [2]), slice(x, [0], [32], [1], [2])], 1)
    const operators = counts(right(grad(reduceSum(mul(rotated, tensor('dy', 4, 32)), undefined, false), [x])))
    expect(operators.get('Concat')).toBe(1)
    expect(operators.has('Add')).toBe(false)
  })

  it('a mean of squares is one product', () => {
    const [x, y] = [tensor('x', 300, 300), tensor('y', 300, 300)]
    const difference = add(x, mul(y, -1))
    const operators = counts(right(grad(reduceMean(mul(difference, difference), undefined, false), [x])))
    expect(operators.has('Expand')).toBe(false)
    expect(operators.get('Mul')).toBeLessThanOrEqual(3)
  })
})
