import { relativeDrift } from 'deriva/measure'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const latents = fc.array(fc.float({ min: Math.fround(0.1), max: 3, noNaN: true }), {
  minLength: 6,
  maxLength: 6,
})

describe('relativeDrift', () => {
  it('is the relative distance of each sample, independent of the others and of scale', () => {
    fc.assert(
      fc.property(latents, latents, fc.float({ min: Math.fround(0.5), max: 4, noNaN: true }), (a, b, c) => {
        const [drifted, ideal] = [Float32Array.from(a), Float32Array.from(b)]
        const whole = relativeDrift(drifted, ideal, 2)
        const second = relativeDrift(drifted.subarray(3), ideal.subarray(3), 1)
        const scaled = relativeDrift(
          drifted.map((x) => c * x),
          ideal.map((x) => c * x),
          2,
        )
        expect(whole[1]).toBe(second[0])
        whole.forEach((d, i) => {
          expect(scaled[i]).toBeCloseTo(d, 4)
        })
        expect([...relativeDrift(ideal, ideal, 2)]).toEqual([0, 0])
        expect(
          relativeDrift(
            ideal.map((x) => 2 * x),
            ideal,
            2,
          )[0],
        ).toBeCloseTo(1, 5)
      }),
    )
  })
})
