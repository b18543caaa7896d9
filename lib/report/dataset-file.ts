import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as R from 'fp-ts/lib/ReadonlyRecord.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import * as t from 'io-ts'
import type { CheckpointError } from '../checkpoint/index.js'
import type { DatasetFacts } from '../config/index.js'
import { fromNumbers, toNumbers } from '../onnx/element.js'
import { elementArrays, type ElementType, size, type Tensor } from '../types/index.js'
import { fromJson, readIfAny } from './run-file.js'

const isElementType = (u: unknown): u is ElementType =>
  typeof u === 'string' && Object.hasOwn(elementArrays, u)

const row = {
  type: new t.Type<ElementType>(
    'ElementType',
    isElementType,
    (u, context) => (isElementType(u) ? t.success(u) : t.failure(u, context)),
    (type) => type,
  ),
  dims: t.array(t.Int),
}

/** What all samples share is small: its elements are written as numbers. */
const Shared = t.strict({ ...row, elements: t.array(t.number) })

/** dataset.json of a run folder: what the samples were like that a model was trained on. */
const DatasetFile = t.intersection([
  t.strict({
    name: t.string,
    shape: t.array(t.Int),
    classes: t.Int,
    size: t.Int,
    conditioning: t.record(t.string, t.strict(row)),
  }),
  t.partial({ classNames: t.array(t.string), shared: t.record(t.string, Shared) }),
])

const written = (tensor: Tensor) => ({
  type: tensor.type,
  dims: tensor.dims,
  elements: Array.from(toNumbers(tensor)),
})

const read = ({ type, dims, elements }: t.TypeOf<typeof Shared>): E.Either<string, Tensor> =>
  elements.length === size(dims)
    ? E.fromNullable('elements that are not exact')(fromNumbers(type, dims, elements))
    : E.left(`${elements.length} elements of a tensor [${dims.join(', ')}]`)

/**
 * What is known of a dataset, as the text of dataset.json: sampling needs it when the data itself is elsewhere.
 *
 * @example
 * declare const dataset: DatasetFacts
 * const text = encodeDatasetFacts(dataset)
 */
export const encodeDatasetFacts = ({
  name,
  shape,
  classes,
  classNames,
  size: samples,
  conditioning,
  shared,
}: DatasetFacts): string =>
  `${JSON.stringify(
    {
      name,
      shape,
      classes,
      ...(classNames === undefined ? {} : { classNames }),
      size: samples,
      conditioning: R.map(({ type, dims }: DatasetFacts['conditioning'][string]) => ({ type, dims }))(
        conditioning,
      ),
      ...(shared === undefined ? {} : { shared: R.map(written)(shared) }),
    },
    null,
    2,
  )}\n`

/**
 * Reads dataset.json.
 *
 * @returns Left: what is wrong, as the end of a sentence
 * @example
 * const facts = decodeDatasetFacts('{}')
 */
export const decodeDatasetFacts: (text: string) => E.Either<string, DatasetFacts> = fromJson((json) =>
  pipe(
    DatasetFile.decode(json),
    E.mapLeft(() => 'not the description of a dataset'),
    E.chain(({ shared, ...facts }) =>
      shared === undefined
        ? E.right(facts)
        : pipe(
            R.traverse(E.Applicative)(read)(shared),
            E.map((tensors) => ({ ...facts, shared: tensors })),
          ),
    ),
  ),
)

/**
 * What dataset.json of a run folder says; undefined where there is no such file.
 *
 * @returns Left where it cannot be understood
 * @example
 * const facts = readDatasetFacts('runs/a')
 */
export const readDatasetFacts = (
  outputDir: string,
): TE.TaskEither<CheckpointError, DatasetFacts | undefined> =>
  readIfAny(join(outputDir, 'dataset.json'), decodeDatasetFacts)
