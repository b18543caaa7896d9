import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { type ElementType, size, type Tensor } from '../types/index.js'

/** The tensors of a safetensors file by name, and the text that it carries beside them. */
export type Safetensors = {
  readonly tensors: Readonly<Record<string, Tensor>>
  readonly metadata: Readonly<Record<string, string>>
}

/** The names that safetensors has for element types, and the bytes of one element. */
const dtypes = {
  float32: ['F32', 4],
  float64: ['F64', 8],
  float16: ['F16', 2],
  bfloat16: ['BF16', 2],
  int64: ['I64', 8],
  uint64: ['U64', 8],
  int32: ['I32', 4],
  uint32: ['U32', 4],
  int16: ['I16', 2],
  uint16: ['U16', 2],
  int8: ['I8', 1],
  uint8: ['U8', 1],
  bool: ['BOOL', 1],
} as const satisfies { readonly [E in ElementType]: readonly [string, number] }

/** Keys are exactly those of the table: it is a constant. */
const elementTypes = Object.keys(dtypes) as ReadonlyArray<ElementType>

const byDtype: ReadonlyMap<string, ElementType> = new Map(elementTypes.map((type) => [dtypes[type][0], type]))

const Natural = t.refinement(t.number, (n) => Number.isSafeInteger(n) && n >= 0, 'a natural number')

const Entry = t.strict({
  dtype: t.string,
  shape: t.array(Natural),
  data_offsets: t.tuple([Natural, Natural]),
})

/** What the specification allows a header to have: 100 MB. */
const longestHeader = 100_000_000

const bytesOf = ({ data }: Tensor): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/**
 * A safetensors file (https://github.com/huggingface/safetensors): the length of the header as a little-endian uint64, the
 * header as JSON padded with spaces to a multiple of 8, then the data of all tensors, little-endian, without gaps.
 *
 * Tensors are laid out by falling element size and then by name, so that all are aligned and equal contents give equal files.
 *
 * @example
 * const file = encodeSafetensors({ weight: float32([2], [1, 2]) }, { format: 'pt' })
 */
export const encodeSafetensors = (
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array => {
  const entries = Object.entries(tensors).sort(
    ([a, x], [b, y]) => dtypes[y.type][1] - dtypes[x.type][1] || (a < b ? -1 : 1),
  )
  let end = 0
  const described = entries.map(([name, tensor]) => {
    const start = end
    end += tensor.data.byteLength
    return [name, { dtype: dtypes[tensor.type][0], shape: tensor.dims, data_offsets: [start, end] }] as const
  })
  const header = new TextEncoder().encode(
    JSON.stringify({
      ...(Object.keys(metadata).length === 0 ? {} : { __metadata__: metadata }),
      ...Object.fromEntries(described),
    }),
  )
  const padded = Math.ceil(header.length / 8) * 8
  const file = new Uint8Array(8 + padded + end).fill(0x20, 8, 8 + padded)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.set(header, 8)
  entries.forEach(([, tensor], i) => {
    file.set(bytesOf(tensor), 8 + padded + described[i][1].data_offsets[0])
  })
  return file
}

const makeTensor = (type: ElementType, dims: ReadonlyArray<number>, bytes: ArrayBuffer): Tensor => {
  switch (type) {
    case 'float32':
      return { type, dims, data: new Float32Array(bytes) }
    case 'float64':
      return { type, dims, data: new Float64Array(bytes) }
    case 'float16':
    case 'bfloat16':
    case 'uint16':
      return { type, dims, data: new Uint16Array(bytes) }
    case 'int64':
      return { type, dims, data: new BigInt64Array(bytes) }
    case 'uint64':
      return { type, dims, data: new BigUint64Array(bytes) }
    case 'int32':
      return { type, dims, data: new Int32Array(bytes) }
    case 'uint32':
      return { type, dims, data: new Uint32Array(bytes) }
    case 'int16':
      return { type, dims, data: new Int16Array(bytes) }
    case 'int8':
      return { type, dims, data: new Int8Array(bytes) }
    case 'uint8':
    case 'bool':
      return { type, dims, data: new Uint8Array(bytes) }
  }
}

const readHeader = (
  file: Uint8Array,
): E.Either<string, { readonly json: unknown; readonly data: number }> => {
  if (file.length < 8) return E.left(`only ${file.length} bytes long: not a safetensors file`)
  const length = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true))
  if (length > longestHeader)
    return E.left(`its header would be ${length} bytes long: not a safetensors file`)
  if (8 + length > file.length)
    return E.left(`cut off: the header alone needs ${8 + length} bytes, and the file has ${file.length}`)
  return pipe(
    E.tryCatch(
      (): unknown =>
        JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, 8 + length))),
      () => 'its header is not JSON: not a safetensors file, or a damaged one',
    ),
    E.map((json) => ({ json, data: 8 + length })),
  )
}

type Read = { readonly tensor: Tensor; readonly range: readonly [number, number] }

const readEntry = (name: string, raw: unknown, data: Uint8Array): E.Either<string, Read> =>
  pipe(
    Entry.decode(raw),
    E.mapLeft(() => `the header's entry "${name}" lacks a dtype, a shape or two data_offsets`),
    E.chain(({ dtype, shape, data_offsets: [start, end] }) => {
      const type = byDtype.get(dtype)
      if (type === undefined)
        return E.left(`"${name}" has dtype ${dtype}; known are ${[...byDtype.keys()].join(', ')}`)
      const expected = size(shape) * dtypes[type][1]
      if (end - start !== expected)
        return E.left(
          `"${name}" has ${end - start} bytes, where ${dtype} of shape [${shape.join(', ')}] needs ${expected}`,
        )
      if (end > data.length)
        return E.left(`cut off: "${name}" ends at byte ${end} of the data, and there are ${data.length}`)
      // Copied by the constructor (a Buffer's own slice would not): typed arrays need alignment.
      return E.right({
        tensor: makeTensor(type, shape, new Uint8Array(data.subarray(start, end)).buffer),
        range: [start, end],
      })
    }),
  )

/** The data has to be covered without gaps and overlaps, as the specification demands: nothing may hide in a file. */
const covered = (tensors: ReadonlyArray<readonly [number, number]>, length: number): boolean => {
  const sorted = [...tensors].sort(([a, x], [b, y]) => a - b || x - y)
  const end = sorted.reduce((at, [start, stop]) => (start === at ? stop : NaN), 0)
  return end === length
}

/**
 * Reads a safetensors file. Everything is checked: header, types, shapes, offsets, and that the data is exactly covered.
 *
 * @returns Left: what is wrong with the file, as the end of the sentence "<path>: …"
 * @example
 * const read = decodeSafetensors(encodeSafetensors({ weight: float32([2], [1, 2]) }))
 */
export const decodeSafetensors = (file: Uint8Array): E.Either<string, Safetensors> =>
  pipe(
    readHeader(file),
    E.chain(({ json, data: at }) => {
      if (!t.UnknownRecord.is(json)) return E.left('its header is not a JSON object')
      const { __metadata__: rawMetadata = {}, ...rawEntries } = json
      if (!t.record(t.string, t.string).is(rawMetadata))
        return E.left('its __metadata__ is not an object of texts')
      const data = file.subarray(at)
      const tensors: Array<[string, Tensor]> = []
      const ranges: Array<readonly [number, number]> = []
      for (const [name, raw] of Object.entries(rawEntries)) {
        const read = readEntry(name, raw, data)
        if (E.isLeft(read)) return read
        tensors.push([name, read.right.tensor])
        ranges.push(read.right.range)
      }
      return covered(ranges, data.length)
        ? E.right({ tensors: Object.fromEntries(tensors), metadata: rawMetadata })
        : E.left(
            `its ${data.length} bytes of data are not covered exactly by its tensors: cut off, or damaged`,
          )
    }),
  )
