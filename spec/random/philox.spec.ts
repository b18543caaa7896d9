import { philox4x32 } from 'deriva/random'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Known answers published with Random123 (file kat_vectors): counter, key, result. */
const known: ReadonlyArray<
  readonly [readonly [number, number, number, number], readonly [number, number], ReadonlyArray<number>]
> = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
]

/** The generator as its paper writes it, in whole numbers of any size. */
const asWritten = (counter: ReadonlyArray<number>, key: ReadonlyArray<number>): ReadonlyArray<number> => {
  const word = 2n ** 32n
  let [a, b, c, d] = counter.map(BigInt)
  let [k0, k1] = key.map(BigInt)
  for (let round = 0; round < 10; round++) {
    const [p, q] = [0xd2511f53n * a, 0xcd9e8d57n * c]
    ;[a, b, c, d] = [(q / word) ^ b ^ k0, q % word, (p / word) ^ d ^ k1, p % word]
    ;[k0, k1] = [(k0 + 0x9e3779b9n) % word, (k1 + 0xbb67ae85n) % word]
  }
  return [a, b, c, d].map(Number)
}

describe('philox4x32-10', () => {
  it.each(known)('counter %s, key %s gives the published words', (counter, key, words) => {
    expect([...philox4x32(counter, key, new Uint32Array(4))]).toEqual(words)
  })

  it('gives the words of as many counters as there is room for, each with a first word one higher', () => {
    const word = fc.nat(2 ** 32 - 1)
    fc.assert(
      fc.property(
        fc.tuple(fc.oneof(word, fc.constant(2 ** 32 - 2)), word, word, word),
        fc.tuple(word, word),
        fc.integer({ min: 1, max: 5 }),
        (counter, key, blocks) => {
          const [first, ...rest] = counter
          const expected = Array.from({ length: blocks }, (_, i) =>
            asWritten([(first + i) % 2 ** 32, ...rest], key),
          )
          expect([...philox4x32(counter, key, new Uint32Array(4 * blocks))]).toEqual(expected.flat())
        },
      ),
    )
  })
})
