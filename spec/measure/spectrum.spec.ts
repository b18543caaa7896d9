import { bandPowers, cosineTransform, norms, relativeDrift, splitDrift } from 'deriva/measure'
import { normal } from 'deriva/random'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const draw = (seed: number, length: number, sample = 0): Float32Array =>
  normal({ seed, purpose: 'data', step: 0, sample }, new Float32Array(length))

const shapes = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  batch: fc.integer({ min: 1, max: 3 }),
  channels: fc.integer({ min: 1, max: 3 }),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
})

describe('cosineTransform', () => {
  it.each([
    [5, 7],
    [8, 12],
    [1, 28],
    [2, 1],
    [64, 6],
  ])('is the DCT-II, coefficient by coefficient, of pictures of %i × %i', (height, width) => {
    const x = draw(1, height * width)
    const out = cosineTransform(x, [1, height, width])
    const scale = (k: number, n: number): number => Math.sqrt((k === 0 ? 1 : 2) / n)
    for (let u = 0; u < height; u++)
      for (let v = 0; v < width; v++) {
        let sum = 0
        for (let r = 0; r < height; r++)
          for (let c = 0; c < width; c++)
            sum +=
              x[r * width + c] *
              Math.cos((Math.PI * (2 * r + 1) * u) / (2 * height)) *
              Math.cos((Math.PI * (2 * c + 1) * v) / (2 * width))
        expect(out[u * width + v]).toBeCloseTo(scale(u, height) * scale(v, width) * sum, 12)
      }
  })

  it('keeps lengths, channel by channel, so that bands add up to the power', () => {
    fc.assert(
      fc.property(shapes, ({ seed, batch, channels, height, width }) => {
        const shape = [channels, height, width]
        const x = draw(seed, batch * channels * height * width)
        const powers = bandPowers(cosineTransform(x, shape), shape, [0.25, 0.5])
        norms(x, batch).forEach((length, i) => {
          expect(powers.subarray(3 * i, 3 * i + 3).reduce((a, b) => a + b, 0)).toBeCloseTo(length ** 2, 8)
        })
      }),
    )
  })
})

describe('bandPowers', () => {
  it('finds a cosine of one frequency in its own band only', () => {
    const side = 16
    for (const [u, v, band] of [
      [0, 0, 0],
      [3, 0, 0],
      [0, 4, 1],
      [5, 5, 1],
      [8, 0, 2],
      [15, 15, 2],
    ] as const) {
      const x = Float64Array.from({ length: side * side }, (_, i) => {
        const [row, column] = [Math.floor(i / side), i % side]
        return Math.cos((Math.PI * (row + 0.5) * u) / side) * Math.cos((Math.PI * (column + 0.5) * v) / side)
      })
      const powers = bandPowers(cosineTransform(x, [side, side]), [side, side], [0.25, 0.5])
      const all = powers.reduce((a, b) => a + b, 0)
      expect(powers[band] / all).toBeCloseTo(1, 12)
    }
  })
})

describe('splitDrift', () => {
  it('is the relative drift in two parts at right angles', () => {
    fc.assert(
      fc.property(shapes, fc.double({ min: 0, max: 1.5, noNaN: true }), (given, cut) => {
        const { seed, batch, channels, height, width } = given
        const length = batch * channels * height * width
        const [drifted, ideal] = [draw(seed, length), draw(seed, length, 1)]
        const { low, high } = splitDrift(drifted, ideal, [channels, height, width], cut)
        relativeDrift(drifted, ideal, batch).forEach((drift, i) => {
          expect(Math.hypot(low[i], high[i])).toBeCloseTo(drift, 8)
        })
      }),
    )
  })

  it('calls a shift of brightness low, and chequers high', () => {
    const ideal = draw(2, 64)
    const shifted = ideal.map((x) => x + 0.5)
    const chequered = ideal.map((x, i) => x + 0.5 * (-1) ** (Math.floor(i / 8) + i))
    const shape = [1, 8, 8]
    expect(splitDrift(shifted, ideal, shape, 0.25).high[0]).toBeLessThan(1e-6)
    expect(splitDrift(chequered, ideal, shape, 0.25).low[0]).toBeLessThan(
      0.05 * splitDrift(chequered, ideal, shape, 0.25).high[0],
    )
  })
})
