import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import { decodeDatasetFacts, encodeDatasetFacts } from '../../lib/report/dataset-file.js'
import type { DatasetFacts } from '../../lib/config/index.js'
import { float32, int64 } from '../../lib/types/index.js'

const facts: DatasetFacts = {
  name: 'tokens',
  shape: [9, 6],
  classes: 0,
  size: 4,
  conditioning: { text: { type: 'float32', dims: [4, 8] } },
}
const shared = { img_ids: float32([1, 3], [0, 0.1, -2]), rows: int64([2], [7, 2 ** 40]) }

it.each([facts, { ...facts, shared }, { ...facts, classes: 2, classNames: ['cat', 'dog'] }])(
  'what is known of a dataset is read as it was written',
  (known) => {
    expect(decodeDatasetFacts(encodeDatasetFacts(known))).toEqual(E.right(known))
  },
)

it.each([
  ['not JSON', '{', 'not JSON'],
  ['another file', '{}', 'not the description of a dataset'],
  [
    'too few elements',
    encodeDatasetFacts({ ...facts, shared }).replace('"elements": [', '"elements": [ 1,'),
    '4 elements of a tensor [1, 3]',
  ],
])('%s is refused', (_, text, message) => {
  expect(decodeDatasetFacts(text)).toEqual(E.left(message))
})
