import { openSession } from 'deriva/engine'
import { add, encode, input, layerNormalizationWithStatistics, mul, parameter } from 'deriva/onnx'
import { normal } from 'deriva/random'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { suited } from '../../lib/engine/suited.js'
import { right } from '../autodiff/training.js'

const drawn = (sample: number, n: number): Float32Array =>
  normal({ seed: 4, purpose: 'data', step: 0, sample }, new Float32Array(n))

describe('a model suited to a graphics card', () => {
  it.each([1, 2, -1])(
    'computes the statistics of a LayerNormalization over axis %i as the operator does',
    async (axis) => {
      const x = input('x', 'float32', ['batch', 4, 6])
      const scale = parameter('scale', float32(axis === 1 ? [4, 6] : [6], drawn(1, axis === 1 ? 24 : 6)))
      const [y, mean, inverse] = layerNormalizationWithStatistics(add(x, 0.5), scale, undefined, {
        axis,
        epsilon: 1e-3,
      })
      const model = encode({ outputs: { y: mul(y, 2), mean, inverse }, parameters: 'initializers' })
      const suitable = suited(model, 'webgpu')
      expect(suitable).not.toEqual(model)
      expect(suited(model, 'cuda')).toEqual(suitable)
      expect(suited(model, 'cpu')).toBe(model)
      const outputs = async (bytes: Uint8Array) => {
        const session = right(await openSession(bytes, { threads: 1 })())
        return right(await session.run({ x: float32([2, 4, 6], drawn(2, 48)) })())
      }
      const [expected, found] = [await outputs(model), await outputs(suitable)]
      expect(Object.keys(found)).toEqual(Object.keys(expected))
      for (const [name, { dims, data }] of Object.entries(expected)) {
        expect(found[name].dims).toEqual(dims)
        data.forEach((value, i) => {
          expect(Math.abs(Number(found[name].data[i]) - Number(value))).toBeLessThan(2e-6)
        })
      }
    },
  )

  it('is the very same where every operator is there, or nothing is understood', () => {
    const plain = encode({ outputs: { y: mul(input('x', 'float32', [1]), 2) }, parameters: 'inputs' })
    expect(suited(plain, 'webgpu')).toBe(plain)
    const nonsense = Uint8Array.of(1, 2, 3)
    expect(suited(nonsense, 'webgpu')).toBe(nonsense)
  })
})
