import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { decodeSafetensors, encodeSafetensors } from '../../lib/checkpoint/index.js'
import { size, type Tensor } from '../../lib/types/index.js'

const dims = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 })

/** Arrays of any bits, NaNs with their payloads among them. */
const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(dims, fc.infiniteStream(fc.nat({ max: 255 })))
  .chain(([shape, stream]) => {
    const n = size(shape)
    const bytes = (count: number): ArrayBuffer =>
      Uint8Array.from({ length: count }, () => Number(stream.next().value)).buffer
    return fc.constantFrom<Tensor>(
      { type: 'float32', dims: shape, data: new Float32Array(bytes(4 * n)) },
      { type: 'float64', dims: shape, data: new Float64Array(bytes(8 * n)) },
      { type: 'float16', dims: shape, data: new Uint16Array(bytes(2 * n)) },
      { type: 'bfloat16', dims: shape, data: new Uint16Array(bytes(2 * n)) },
      { type: 'int64', dims: shape, data: new BigInt64Array(bytes(8 * n)) },
      { type: 'uint64', dims: shape, data: new BigUint64Array(bytes(8 * n)) },
      { type: 'int32', dims: shape, data: new Int32Array(bytes(4 * n)) },
      { type: 'uint32', dims: shape, data: new Uint32Array(bytes(4 * n)) },
      { type: 'int16', dims: shape, data: new Int16Array(bytes(2 * n)) },
      { type: 'uint16', dims: shape, data: new Uint16Array(bytes(2 * n)) },
      { type: 'int8', dims: shape, data: new Int8Array(bytes(n)) },
      { type: 'uint8', dims: shape, data: new Uint8Array(bytes(n)) },
      { type: 'bool', dims: shape, data: new Uint8Array(bytes(n)) },
    )
  })

const names = fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__' && name !== '__proto__')

const bits = ({ type, dims: shape, data }: Tensor): unknown => ({
  type,
  shape,
  bytes: [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)],
})

describe('safetensors', () => {
  it('reads back every bit that it wrote, whatever the order', () => {
    fc.assert(
      fc.property(
        fc.dictionary(names, tensor, { maxKeys: 5 }),
        fc.dictionary(names, fc.string(), { maxKeys: 3 }),
        (tensors, metadata) => {
          const file = encodeSafetensors(tensors, metadata)
          const read = decodeSafetensors(file)
          if (E.isLeft(read)) throw new Error(read.left)
          const sorted = (all: Readonly<Record<string, Tensor>>): unknown =>
            Object.entries(all)
              .map(([name, value]) => [name, bits(value)] as const)
              .sort(([a], [b]) => (a < b ? -1 : 1))
          expect(sorted(read.right.tensors)).toEqual(sorted(tensors))
          expect({ ...read.right.metadata }).toEqual({ ...metadata })
          const reversed = Object.fromEntries(Object.entries(tensors).reverse())
          expect(encodeSafetensors(reversed, metadata)).toEqual(file)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('lays a file out as the specification says', () => {
    const file = encodeSafetensors({ a: { type: 'float32', dims: [1], data: Float32Array.of(1) } })
    const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    expect(new DataView(file.buffer).getBigUint64(0, true)).toBe(56n)
    expect(new TextDecoder().decode(file.subarray(8, 64))).toBe(header.padEnd(56))
    expect([...file.subarray(64)]).toEqual([0, 0, 0x80, 0x3f])
  })

  const file = encodeSafetensors({
    a: { type: 'float32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    b: { type: 'int64', dims: [1], data: BigInt64Array.of(5n) },
  })

  it('refuses every cut-off file', () => {
    for (let length = 0; length < file.length; length++)
      expect(E.isLeft(decodeSafetensors(file.subarray(0, length))), String(length)).toBe(true)
    expect(decodeSafetensors(file.subarray(0, file.length - 1))).toEqual(
      E.left(expect.stringContaining('cut off')),
    )
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => E.isLeft(decodeSafetensors(bytes))),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const damaged = file.slice()
        damaged[at] = byte
        expect(['Left', 'Right']).toContain(decodeSafetensors(damaged)._tag)
      }),
      { numRuns: 500 },
    )
  })

  const withHeader = (header: unknown, data: number): Uint8Array => {
    const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
    const bytes = new Uint8Array(8 + text.length + data)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
    bytes.set(text, 8)
    return bytes
  }

  it.each([
    ['gaps', { a: { dtype: 'U8', shape: [1], data_offsets: [1, 2] } }, 2],
    [
      'overlaps',
      {
        a: { dtype: 'U8', shape: [2], data_offsets: [0, 2] },
        b: { dtype: 'U8', shape: [2], data_offsets: [1, 3] },
      },
      3,
    ],
    ['offsets beyond the end', { a: { dtype: 'U8', shape: [9], data_offsets: [0, 9] } }, 2],
    ['sizes that do not fit the shape', { a: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, 4],
    ['negative dimensions', { a: { dtype: 'U8', shape: [-1, -1], data_offsets: [0, 1] } }, 1],
    ['types it does not know', { a: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, 1],
    ['entries without offsets', { a: { dtype: 'U8', shape: [1] } }, 1],
    ['headers that are lists', [], 0],
    ['metadata that is not text', { __metadata__: { a: 1 } }, 0],
    ['headers that are not JSON', '{"a":', 0],
  ])('refuses %s', (_, header, data) => {
    expect(E.isLeft(decodeSafetensors(withHeader(header, data)))).toBe(true)
  })
})
