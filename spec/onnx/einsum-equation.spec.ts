import { expect, test } from 'vitest'
import { einsumEquation } from '../../lib/onnx/index.js'

test.each([
  [
    'ij,jk->ik',
    [2, 2],
    {
      inputs: [
        ['i', 'j'],
        ['j', 'k'],
      ],
      output: ['i', 'k'],
    },
  ],
  ['i, j -> ij', [1, 1], { inputs: [['i'], ['j']], output: ['i', 'j'] }],
  [
    'ba,cb',
    [2, 2],
    {
      inputs: [
        ['b', 'a'],
        ['c', 'b'],
      ],
      output: ['a', 'c'],
    },
  ],
  ['ii', [2], { inputs: [['i', 'i']], output: [] }],
  ['...i->...', [3], { inputs: [['.1', '.0', 'i']], output: ['.1', '.0'] }],
  [
    '...i,...i',
    [2, 2],
    {
      inputs: [
        ['.0', 'i'],
        ['.0', 'i'],
      ],
      output: ['.0'],
    },
  ],
])('%s', (equation, ranks, expected) => {
  expect(einsumEquation(equation, ranks)).toEqual(expected)
})

test.each([
  ['ij,jk->ik', [2]],
  ['ij->i', [3]],
  ['i->j', [1]],
  ['i->ii', [1]],
  ['i->i->i', [1]],
  ['i.j->ij', [2]],
  ['...i...->i', [3]],
  ['...i,...i->i', [1, 2]],
])('%s does not fit ranks %j', (equation, ranks) => {
  expect(einsumEquation(equation, ranks)).toBeUndefined()
})
