import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import type { DatasetFacts } from '../config/index.js'
import { elementArrays, type ElementType } from '../types/index.js'

const isElementType = (u: unknown): u is ElementType =>
  typeof u === 'string' && Object.hasOwn(elementArrays, u)

const Row = t.strict({
  type: new t.Type<ElementType>(
    'ElementType',
    isElementType,
    (u, context) => (isElementType(u) ? t.success(u) : t.failure(u, context)),
    (type) => type,
  ),
  dims: t.array(t.Int),
})

/** dataset.json of a run folder: what the samples were like that a model was trained on. */
const DatasetFile = t.strict({
  name: t.string,
  shape: t.array(t.Int),
  classes: t.Int,
  size: t.Int,
  conditioning: t.record(t.string, Row),
})

/**
 * What is known of a dataset, as the text of dataset.json: sampling needs it when the data itself is elsewhere.
 *
 * @example
 * declare const dataset: DatasetFacts
 * const text = encodeDatasetFacts(dataset)
 */
export const encodeDatasetFacts = ({ name, shape, classes, size, conditioning }: DatasetFacts): string =>
  `${JSON.stringify(
    {
      name,
      shape,
      classes,
      size,
      conditioning: Object.fromEntries(
        Object.entries(conditioning).map(([key, { type, dims }]) => [key, { type, dims }]),
      ),
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
export const decodeDatasetFacts = (text: string): E.Either<string, DatasetFacts> =>
  pipe(
    E.tryCatch(
      (): unknown => JSON.parse(text),
      () => 'not JSON',
    ),
    E.chain((json) =>
      pipe(
        DatasetFile.decode(json),
        E.mapLeft(() => 'not the description of a dataset'),
      ),
    ),
  )
