import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { byteLength, type ElementType } from '../types/index.js'

/** The names that safetensors has for element types. */
export const dtypes = {
  float32: 'F32',
  float64: 'F64',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  uint64: 'U64',
  int32: 'I32',
  uint32: 'U32',
  int16: 'I16',
  uint16: 'U16',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
} as const satisfies { readonly [E in ElementType]: string }

/** Keys are exactly those of the table: it is a constant. */
const elementTypes = Object.keys(dtypes) as ReadonlyArray<ElementType>

const byDtype: ReadonlyMap<string, ElementType> = new Map(elementTypes.map((type) => [dtypes[type], type]))

const Natural = t.refinement(t.number, (n) => Number.isSafeInteger(n) && n >= 0, 'a natural number')

const Entry = t.strict({
  dtype: t.string,
  shape: t.array(Natural),
  data_offsets: t.tuple([Natural, Natural]),
})

/** What the specification allows a header to have: 100 MB. */
const longestHeader = 100_000_000

/** A tensor as the header describes it. */
export type SafetensorsEntry = {
  readonly type: ElementType
  readonly dims: ReadonlyArray<number>
  /** Its bytes, counted from the start of the file: from this one on, up to but not including `end`. */
  readonly start: number
  readonly end: number
}

/** What a safetensors file says of itself before its data. */
export type SafetensorsHeader = {
  readonly entries: Readonly<Record<string, SafetensorsEntry>>
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Where the header of a safetensors file ends and its data begins, in bytes.
 *
 * @param start the first 8 bytes of the file, or more
 * @param fileLength the bytes of the whole file
 * @returns Left: what is wrong with the file, as the end of the sentence "<path>: …"
 * @example
 * const end = safetensorsHeaderEnd(Uint8Array.of(16, 0, 0, 0, 0, 0, 0, 0), 24) // Right 24
 */
export const safetensorsHeaderEnd = (start: Uint8Array, fileLength: number): E.Either<string, number> => {
  if (start.length < 8 || fileLength < 8)
    return E.left(`only ${fileLength} bytes long: not a safetensors file`)
  const length = Number(new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true))
  if (length > longestHeader)
    return E.left(`its header would be ${length} bytes long: not a safetensors file`)
  return 8 + length > fileLength
    ? E.left(`cut off: the header alone needs ${8 + length} bytes, and the file has ${fileLength}`)
    : E.right(8 + length)
}

const readEntry = (
  name: string,
  raw: unknown,
  dataStart: number,
  fileLength: number,
): E.Either<string, SafetensorsEntry> =>
  pipe(
    Entry.decode(raw),
    E.mapLeft(() => `the header's entry "${name}" lacks a dtype, a shape or two data_offsets`),
    E.chain(({ dtype, shape, data_offsets: [start, end] }) => {
      const type = byDtype.get(dtype)
      if (type === undefined)
        return E.left(`"${name}" has dtype ${dtype}; known are ${[...byDtype.keys()].join(', ')}`)
      const expected = byteLength({ type, dims: shape })
      if (end - start !== expected)
        return E.left(
          `"${name}" has ${end - start} bytes, where ${dtype} of shape [${shape.join(', ')}] needs ${expected}`,
        )
      return dataStart + end > fileLength
        ? E.left(
            `cut off: "${name}" ends at byte ${end} of the data, and there are ${fileLength - dataStart}`,
          )
        : E.right({ type, dims: shape, start: dataStart + start, end: dataStart + end })
    }),
  )

/** The data has to be covered without gaps and overlaps, as the specification demands: nothing may hide in a file. */
const covered = (entries: ReadonlyArray<SafetensorsEntry>, from: number, to: number): boolean => {
  const sorted = [...entries].sort((a, b) => a.start - b.start || a.end - b.end)
  return sorted.reduce((at, { start, end }) => (start === at ? end : NaN), from) === to
}

/**
 * Reads the header of a safetensors file, and checks all that can be checked without the data: types, shapes, offsets, and that
 * the data is exactly covered.
 *
 * @param header the file up to the end of its header, or further
 * @param fileLength the bytes of the whole file
 * @returns Left: what is wrong with the file, as the end of the sentence "<path>: …"
 * @example
 * declare const file: Uint8Array
 * const header = decodeSafetensorsHeader(file, file.length)
 */
export const decodeSafetensorsHeader = (
  header: Uint8Array,
  fileLength: number,
): E.Either<string, SafetensorsHeader> =>
  pipe(
    safetensorsHeaderEnd(header, fileLength),
    E.chain((dataStart) =>
      pipe(
        E.tryCatch(
          (): unknown =>
            JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header.subarray(8, dataStart))),
          () => 'its header is not JSON: not a safetensors file, or a damaged one',
        ),
        E.chain((json) => {
          if (!t.UnknownRecord.is(json)) return E.left('its header is not a JSON object')
          const { __metadata__: metadata = {}, ...raw } = json
          if (!t.record(t.string, t.string).is(metadata))
            return E.left('its __metadata__ is not an object of texts')
          return pipe(
            Object.entries(raw),
            E.traverseArray(([name, entry]) =>
              pipe(
                readEntry(name, entry, dataStart, fileLength),
                E.map((read) => [name, read] as const),
              ),
            ),
            E.filterOrElse(
              (entries) =>
                covered(
                  entries.map(([, entry]) => entry),
                  dataStart,
                  fileLength,
                ),
              () =>
                `its ${fileLength - dataStart} bytes of data are not covered exactly by its tensors: cut off, or damaged`,
            ),
            E.map((entries) => ({ entries: Object.fromEntries(entries), metadata })),
          )
        }),
      ),
    ),
  )
