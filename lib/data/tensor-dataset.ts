import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type SafetensorsEntry, tensorOfBytes } from '../checkpoint/index.js'
import { asFloat32, isFloat, isInteger } from '../onnx/element.js'
import { byteLength, type ElementType, type Tensor } from '../types/index.js'
import { classLabel, type ConditioningArray, type Dataset } from './dataset.js'
import { type DataError, dataFailure } from './failure.js'
import { batchTyped, openTensorFile, readRows, rowBytes, type TensorFile } from './tensor-file.js'

/** The names that the data itself may have. */
const dataNames = ['latents', 'x0'] as const

/** Before the name of an array, in a file: the row that stands for "nothing". */
const emptyPrefix = 'empty.'

/** Before the name of an array, in a file: what is the same for all samples, whole. */
const sharedPrefix = 'shared.'

const isOfRows = (name: string): boolean => !name.startsWith(emptyPrefix) && !name.startsWith(sharedPrefix)

type Described = Pick<SafetensorsEntry, 'type' | 'dims'>

const shown = ({ type, dims }: Described): string => `${type}[${dims.join(', ')}]`

/** A file whose arrays are rows of samples. */
type Part = { readonly file: TensorFile; readonly rows: number; readonly data: string }

const partOf = (file: TensorFile): E.Either<DataError, Part> => {
  const { path, entries } = file
  const refuse = (message: string): E.Either<DataError, Part> => E.left(dataFailure(path, message))
  const found = dataNames.filter((name) => Object.hasOwn(entries, name))
  if (found.length !== 1)
    return refuse(
      `${found.length === 0 ? 'neither' : 'both'} an array "latents" ${found.length === 0 ? 'nor' : 'and'} "x0"; one of them has to hold the samples, [count, …]. The file has ${Object.keys(entries).join(', ') || 'nothing'}`,
    )
  const [data] = found
  const { type, dims } = entries[data]
  if (!isFloat(type) || dims.length < 2)
    return refuse(`"${data}" is ${shown(entries[data])}, where samples are floats, [count, …]`)
  const [rows] = dims
  const odd = Object.entries(entries).find(([name, entry]) => isOfRows(name) && entry.dims.at(0) !== rows)
  if (odd !== undefined)
    return refuse(
      `"${odd[0]}" is ${shown(odd[1])}, where every array has a row for each of the ${rows} samples of "${data}"`,
    )
  return rows === 0 ? refuse(`"${data}" has no rows`) : E.right({ file, rows, data })
}

const rowOf = ({ type, dims }: Described): string => shown({ type, dims: dims.slice(1) })

const arraysOf = ({ file: { entries }, data }: Part): ReadonlyArray<readonly [string, SafetensorsEntry]> =>
  Object.entries(entries).filter(([name]) => name !== data && isOfRows(name))

/** Every file has to hold the same arrays: a batch may take its rows from all of them. */
const agreement = (first: Part, part: Part): E.Either<DataError, Part> => {
  const described = (p: Part): ReadonlyMap<string, string> =>
    new Map([['samples', p.file.entries[p.data]] as const, ...arraysOf(p)].map(([n, e]) => [n, rowOf(e)]))
  const [wanted, has] = [described(first), described(part)]
  const name = [...new Set([...wanted.keys(), ...has.keys()])].find((n) => wanted.get(n) !== has.get(n))
  return name === undefined
    ? E.right(part)
    : E.left(
        dataFailure(
          part.file.path,
          `rows of "${name}" are ${has.get(name) ?? 'missing'}, and ${wanted.get(name) ?? 'missing'} in ${first.file.path}: files of one dataset hold the same arrays`,
        ),
      )
}

/** All of an array, or all of a part of a file that is one row. */
const readWhole = (file: TensorFile, name: string, rows: number): TE.TaskEither<DataError, Tensor> => {
  const { type, dims, start, end } = file.entries[name]
  const bytes = new Uint8Array(end - start)
  const places = Array.from({ length: rows }, (_, row) => ({ row, to: row }))
  return pipe(
    readRows(file, places, { [name]: bytes }),
    TE.map(() => tensorOfBytes(type, dims, bytes.buffer)),
  )
}

/** What is the same for all samples, out of the file that has it: the first, where several do. */
const sharedOf = (parts: ReadonlyArray<Part>): TE.TaskEither<DataError, Readonly<Record<string, Tensor>>> => {
  const holders = new Map<string, TensorFile>()
  for (const { file } of parts)
    for (const name of Object.keys(file.entries))
      if (name.startsWith(sharedPrefix) && !holders.has(name)) holders.set(name, file)
  return pipe(
    [...holders],
    TE.traverseSeqArray(([name, file]) =>
      pipe(
        readWhole(file, name, Math.max(1, file.entries[name].dims.at(0) ?? 1)),
        TE.map((tensor) => [name.slice(sharedPrefix.length), tensor] as const),
      ),
    ),
    TE.map((tensors) => Object.fromEntries(tensors)),
  )
}

const nothing = (type: ElementType, dims: ReadonlyArray<number>): Tensor => {
  const row = [1, ...dims]
  return tensorOfBytes(type, row, new ArrayBuffer(byteLength({ type, dims: row })))
}

const isLabel = (name: string, { type, dims }: Described): boolean =>
  name === 'label' && isInteger(type) && dims.length === 1

/** Classes are counted: one more than the largest label. */
const classesOf = (parts: ReadonlyArray<Part>): TE.TaskEither<DataError, number> => {
  const [first] = parts
  if (!arraysOf(first).some(([name, entry]) => isLabel(name, entry))) return TE.right(0)
  return pipe(
    parts,
    TE.traverseSeqArray(({ file, rows }) =>
      pipe(
        readWhole(file, 'label', rows),
        TE.chainEitherK(({ data }) => {
          const labels = Array.from(data, Number)
          const stray = labels.findIndex((label) => !(label >= 0 && label < 2 ** 31))
          return stray < 0
            ? E.right(labels.reduce((most, label) => Math.max(most, label + 1), 0))
            : E.left(dataFailure(file.path, `"label" ${stray} is ${labels[stray]}; classes are 0, 1, 2, …`))
        }),
      ),
    ),
    TE.map((counts) => Math.max(...counts)),
  )
}

const conditioningOf = (
  parts: ReadonlyArray<Part>,
  classes: number,
  name: string,
  { type, dims }: SafetensorsEntry,
): TE.TaskEither<DataError, ConditioningArray> => {
  const row = dims.slice(1)
  const holder = parts.find(({ file }) => Object.hasOwn(file.entries, emptyPrefix + name))
  if (holder === undefined) {
    if (isLabel(name, { type, dims })) return TE.right(classLabel(classes))
    const empty = batchTyped(nothing(type, row))
    return TE.right({ type: empty.type, dims: row, empty })
  }
  const { file } = holder
  const given = file.entries[emptyPrefix + name]
  const fits = given.type === type && [row.join(), [1, ...row].join()].includes(given.dims.join())
  if (!fits)
    return TE.left(
      dataFailure(
        file.path,
        `"${emptyPrefix}${name}" is ${shown(given)}, where a row of "${name}" is ${shown({ type, dims: row })}`,
      ),
    )
  return pipe(
    readWhole(file, emptyPrefix + name, Math.max(1, given.dims.at(0) ?? 1)),
    TE.map((tensor) => {
      const empty = { ...batchTyped(tensor), dims: [1, ...row] }
      return { type: empty.type, dims: row, empty }
    }),
  )
}

/**
 * Samples in safetensors files: an array `latents` or `x0` [count, …], and whatever each sample is conditioned on, as arrays
 * [count, …] under the names of the model's inputs: `encoder_hidden_states`, `label`, `time_ids`, masks, … An array `empty.<name>` is the
 * row that stands for "nothing" (such as the embedding of an empty caption); zeros where there is none, and for a `label` one more class. An
 * array `shared.<name>` is the same for all samples, and has no rows: the places of tokens, say.
 *
 * Several files are one dataset, one after the other. Rows are read from disk as they are needed; floats become float32, whole
 * numbers int64.
 *
 * @param name how the dataset is called in messages
 * @returns Left `DataError` naming the file and the array that is missing, malformed or does not fit the others
 * @example
 * const data = tensorDataset('landscapes', ['landscapes-0.safetensors', 'landscapes-1.safetensors'])
 */
export const tensorDataset = (
  name: string,
  paths: ReadonlyArray<string>,
): TE.TaskEither<DataError, Dataset> =>
  pipe(
    paths,
    TE.traverseSeqArray((path) => pipe(openTensorFile(path), TE.chainEitherK(partOf))),
    TE.chainEitherK((parts) => E.traverseArray((part: Part) => agreement(parts[0], part))(parts)),
    TE.chain((parts) => {
      const [first] = parts
      return pipe(
        TE.Do,
        TE.bind('classes', () => classesOf(parts)),
        TE.bind('arrays', ({ classes }) =>
          pipe(
            arraysOf(first),
            TE.traverseSeqArray(([array, entry]) =>
              pipe(
                conditioningOf(parts, classes, array, entry),
                TE.map((described) => [array, described] as const),
              ),
            ),
          ),
        ),
        TE.bind('shared', () => sharedOf(parts)),
        TE.map(({ arrays, classes, shared }): Dataset => ({
          name,
          size: parts.reduce((n, { rows }) => n + rows, 0),
          shape: first.file.entries[first.data].dims.slice(1),
          classes,
          conditioning: Object.fromEntries(arrays),
          ...(Object.keys(shared).length === 0 ? {} : { shared }),
          rows: rowsOf(parts),
        })),
      )
    }),
  )

/** Which file each sample is in, and where. */
const placesIn = (
  parts: ReadonlyArray<Part>,
  ids: ReadonlyArray<number>,
): ReadonlyArray<ReadonlyArray<{ readonly row: number; readonly to: number }>> => {
  const starts = parts.map((_, p) => parts.slice(0, p).reduce((n, { rows }) => n + rows, 0))
  return parts.map(({ rows }, p) =>
    ids.flatMap((id, to) => (id >= starts[p] && id < starts[p] + rows ? [{ row: id - starts[p], to }] : [])),
  )
}

const rowsOf =
  (parts: ReadonlyArray<Part>): Dataset['rows'] =>
  (ids) => {
    const [first] = parts
    const wanted = [['x0', first.file.entries[first.data]] as const, ...arraysOf(first)]
    const bytes = new Map(wanted.map(([name, entry]) => [name, new Uint8Array(ids.length * rowBytes(entry))]))
    const places = placesIn(parts, Array.from(ids))
    return pipe(
      [...parts.entries()],
      TE.traverseSeqArray(([p, { file, data }]) =>
        places[p].length === 0
          ? TE.right(undefined)
          : readRows(
              file,
              places[p],
              Object.fromEntries([...bytes].map(([name, b]) => [name === 'x0' ? data : name, b])),
            ),
      ),
      TE.map(() => {
        const tensors = wanted.map(([name, { type, dims }]) => {
          const buffer = bytes.get(name)?.buffer ?? new ArrayBuffer(0)
          return [name, tensorOfBytes(type, [ids.length, ...dims.slice(1)], buffer)] as const
        })
        const [[, samples], ...others] = tensors
        return {
          x0: asFloat32(samples).data,
          conditioning: Object.fromEntries(others.map(([name, tensor]) => [name, batchTyped(tensor)])),
        }
      }),
    )
  }
