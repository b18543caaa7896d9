import { parameterCount, unet, type UNetOptions } from 'deriva/model'
import { describe, expect, it } from 'vitest'

const options: UNetOptions<'epsilon'> = {
  parameterisation: 'epsilon',
  sample: [1, 28, 28],
  classes: 10,
  patch: 2,
  width: 16,
  levels: 2,
  depth: 1,
  seed: 1,
}

describe('unet', () => {
  it('has as many weights as its layers add up to', () => {
    const [a, b, told] = [16, 32, 64]
    const conv = (from: number, to: number, kernel: number): number => from * to * kernel * kernel + to
    const linear = (from: number, to: number): number => from * to + to
    const block = (from: number, to: number): number =>
      2 * from +
      conv(from, to, 3) +
      linear(told, 2 * to) +
      conv(to, to, 3) +
      (from === to ? 0 : conv(from, to, 1))
    expect(parameterCount(unet(options))).toBe(
      linear(64, told) +
        linear(told, told) +
        11 * told +
        conv(4, a, 3) +
        block(a, a) +
        conv(a, b, 3) +
        2 * block(b, b) +
        conv(b, 4 * a, 1) +
        block(2 * a, a) +
        2 * a +
        conv(a, 4, 3),
    )
  })

  it('refuses images that cannot be halved, and groups or heads that do not divide', () => {
    expect(() => unet({ ...options, levels: 3 })).toThrow(/multiples of 8/)
    expect(() => unet({ ...options, groups: 5 })).toThrow(/5 groups/)
    expect(() => unet({ ...options, heads: 5 })).toThrow(/5 attention heads/)
  })
})
