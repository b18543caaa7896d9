import { dit, flopsPerSample, unet } from 'deriva/model'
import { conv, gemm, input, matMul, parameter } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { describe, expect, it } from 'vitest'

const weight = (...dims: ReadonlyArray<number>) =>
  parameter('w', float32(dims, new Float32Array(dims.reduce((n, d) => n * d, 1))))

describe('flopsPerSample', () => {
  it('counts two operations for each product of a sum of products', () => {
    const row = input('x', 'float32', ['batch', 5])
    expect(flopsPerSample({ prediction: matMul(row, weight(5, 7)) })).toBe(2 * 5 * 7)
    expect(flopsPerSample({ prediction: gemm(row, weight(7, 5), undefined, { transB: true }) })).toBe(
      2 * 5 * 7,
    )
    const image = input('x', 'float32', ['batch', 4, 6, 6])
    const convolved = conv(image, weight(8, 2, 3, 3), undefined, { pads: [1, 1, 1, 1], group: 2 })
    expect(flopsPerSample({ prediction: convolved })).toBe(2 * 36 * 8 * 2 * 9)
  })

  it('agrees with the closed form of a transformer', () => {
    const [n, d] = [49, 32]
    const model = dit({
      parameterisation: 'epsilon',
      sample: [1, 28, 28],
      patch: 4,
      width: d,
      depth: 2,
      heads: 4,
      seed: 1,
    })
    const told = 64 * d + d * d
    const block = 12 * n * d * d + 2 * n * n * d + 6 * d * d
    expect(flopsPerSample(model)).toBe(2 * (told + 2 * block + 2 * n * 16 * d + 2 * d * d))
  })

  it('sees that coarser patches are cheaper', () => {
    const options = {
      parameterisation: 'epsilon',
      sample: [1, 28, 28],
      width: 16,
      levels: 2,
      depth: 1,
      seed: 1,
    } as const
    expect(
      flopsPerSample(unet({ ...options, patch: 1 })) / flopsPerSample(unet({ ...options, patch: 2 })),
    ).toBeGreaterThan(3.5)
  })
})
