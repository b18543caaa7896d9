/**
 * Philox4x32-10, a counter-based generator: four 32-bit words as a pure function of a counter and a key.
 * Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 3.3.
 */

const multiplier0 = 0xd2511f53
const multiplier1 = 0xcd9e8d57
const weyl0 = 0x9e3779b9
const weyl1 = 0xbb67ae85

/**
 * The upper 32 bits of the 64-bit product of two unsigned 32-bit integers, as a signed one; so are all numbers here, since the engine has
 * 32-bit arithmetic for these alone. No partial sum exceeds 2³² − 1.
 */
const multiplyHigh = (a: number, b: number): number => {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0
}

/**
 * Fills `out` with words, each uniform over 0…2³²−1: those of a counter, then of the next ones, whose first word is one more each time.
 * Many at once are many times as fast as one after the other.
 *
 * @param counter four unsigned 32-bit words naming the first draw
 * @param key two unsigned 32-bit words: the seed
 * @param out receives four words a draw: its length is a multiple of 4
 * @example
 * const words = philox4x32([0, 0, 0, 0], [0, 0], new Uint32Array(4)) // 6627e8d5 e169c58d bc57ac4c 9b00dbd8
 */
export const philox4x32 = (
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
): Uint32Array => {
  const [first, second, third, fourth] = counter
  const [even, odd] = key
  for (let at = 0; at < out.length; at += 4) {
    let c0 = (first + at / 4) | 0
    let c1 = second | 0
    let c2 = third | 0
    let c3 = fourth | 0
    let k0 = even | 0
    let k1 = odd | 0
    for (let round = 0; round < 10; round++) {
      const high0 = multiplyHigh(multiplier0, c0)
      const low0 = Math.imul(multiplier0, c0)
      const high1 = multiplyHigh(multiplier1, c2)
      const low1 = Math.imul(multiplier1, c2)
      c0 = high1 ^ c1 ^ k0
      c1 = low1
      c2 = high0 ^ c3 ^ k1
      c3 = low0
      k0 = (k0 + weyl0) | 0
      k1 = (k1 + weyl1) | 0
    }
    out[at] = c0
    out[at + 1] = c1
    out[at + 2] = c2
    out[at + 3] = c3
  }
  return out
}
