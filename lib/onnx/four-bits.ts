/**
 * The elements of a tensor of 4-bit integers, of which a file has two in a byte, the lower half first: each in a byte of its own.
 *
 * @param bytes may have half a byte too many
 * @param signed −8 … 7 rather than 0 … 15
 *
 * @example
 * const two = fourBits(Uint8Array.of(0xf1), 2, 'int8') // Int8Array [1, −1]
 */
export const fourBits = (
  bytes: Uint8Array,
  count: number,
  type: 'int8' | 'uint8',
): Int8Array | Uint8Array => {
  const signed = type === 'int8'
  const elements = signed ? new Int8Array(count) : new Uint8Array(count)
  for (let i = 0; i < count; i++) {
    const half = (bytes[i >> 1] >> (i % 2 === 0 ? 0 : 4)) & 15
    elements[i] = signed && half > 7 ? half - 16 : half
  }
  return elements
}
