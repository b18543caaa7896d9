import { showShape } from '../../onnx/index.js'
import type { Cost, Described, Inspection } from './inspection.js'

const units = ['', 'k', 'M', 'G', 'T', 'P'] as const

/** 1234567 as 1.23 M. */
const scaled = (x: number, base: number, unit: string): string => {
  const power = x < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log(x) / Math.log(base)))
  const value = x / base ** power
  return `${power === 0 ? String(Math.round(value)) : value.toPrecision(3)} ${units[power]}${unit}`.trimEnd()
}

/**
 * Bytes for people: 1 kB is 1000.
 *
 * @example
 * const text = bytesText(1_500_000) // 1.50 MB
 */
export const bytesText = (bytes: number): string => scaled(bytes, 1000, 'B')

const width = 80

/** Breaks text at spaces into lines of at most 80 characters, all but the first indented. */
const wrapped = (first: string, text: string): ReadonlyArray<string> => {
  const indent = ' '.repeat(first.length)
  return text.split(' ').reduce<ReadonlyArray<string>>(
    (lines, word) => {
      const last = lines.at(-1) ?? first
      const separator = last.trim() === '' || last === first ? '' : ' '
      return last.length + separator.length + word.length <= width || last.trim() === ''
        ? [...lines.slice(0, -1), `${last}${separator}${word}`]
        : [...lines, `${indent}${word}`]
    },
    [first],
  )
}

const tensors = (title: string, values: ReadonlyArray<Described>): ReadonlyArray<string> => {
  const longest = Math.max(...values.map(({ name }) => name.length))
  const kinds = values.map(({ type, shape }) => `${type}${showShape(shape)}`)
  const widest = Math.max(...kinds.map((kind) => kind.length))
  return [
    title,
    ...values.map(({ name, role }, i) =>
      `  ${name.padEnd(longest)}  ${kinds[i].padEnd(widest)}  ${role ?? ''}`.trimEnd(),
    ),
  ]
}

/** One line for each way to train, one column for each size of the batch. */
const costs = (rows: Readonly<Record<string, Cost | null>>): ReadonlyArray<string> => {
  const known = Object.entries(rows).flatMap(([name, cost]) => (cost === null ? [] : [[name, cost] as const]))
  const line = (name: string, weights: string, cells: ReadonlyArray<string>): string =>
    `  ${name.padEnd(14)}${weights.padStart(16)}${cells.map((cell) => cell.padStart(11)).join('')}`
  return [
    ...known.slice(0, 1).map(([, { memory }]) =>
      line(
        'batch',
        '',
        memory.map(({ batchSize }) => String(batchSize)),
      ),
    ),
    ...known.map(([name, { weights, memory }]) =>
      line(
        name,
        `${scaled(weights, 1000, '')} weights`,
        memory.map(({ bytes }) => bytesText(bytes)),
      ),
    ),
  ]
}

const timeTexts = { timestep: '0 … 1000 (timestep)', sigma: '0 … 1 (sigma)' } as const

/**
 * An inspection as a person wants to read it, in lines of 80 characters.
 *
 * @example
 * declare const found: Inspection
 * const text = inspectionText(found)
 */
export const inspectionText = (found: Inspection): string => {
  const { parameterisation, operators, blockers, problems, full, lora, loraTargets, notes } = found
  const operatorCount = Object.values(operators).reduce((a, b) => a + b, 0)
  const trainable = full !== null && blockers.length === 0
  return [
    ...wrapped(
      '',
      `${found.path}: ${scaled(found.weights, 1000, '')} weights (${found.weightTypes.join(', ')}), ${operatorCount} operators, opset ${found.opset}`,
    ),
    '',
    ...tensors('Inputs', found.inputs),
    '',
    ...tensors('Outputs', found.outputs),
    '',
    'Seems to',
    ...wrapped(
      '  predict   ',
      `${parameterisation.likely.join(' or ') || 'anything'}: ${parameterisation.because}; prediction_type says which`,
    ),
    ...wrapped(
      '  take time ',
      found.time === null ? 'in an unknown way; model.time says how' : timeTexts[found.time],
    ),
    ...(found.flopsPerSample === null
      ? []
      : wrapped(
          '  cost      ',
          `${scaled(found.flopsPerSample, 1000, 'FLOP')} a sample and evaluation, thrice that in a training step`,
        )),
    '',
    ...(trainable
      ? [
          'Can be trained. Memory of the whole process on the CPU, within 15 %, with AdamW',
          'and an average of the weights:',
          ...costs({ 'all weights': full, 'LoRA, rank 16': lora }),
        ]
      : ['Cannot be trained as it is:']),
    ...problems.flatMap((problem) => wrapped('  - ', problem)),
    ...blockers.flatMap(({ operator, node, reason, path }) =>
      wrapped('  - ', `${operator} "${node}" ${reason}. From it to a weight: ${path}`),
    ),
    ...(notes.length === 0 ? [] : ['', 'Of its weights', ...notes.flatMap((note) => wrapped('  - ', note))]),
    ...(loraTargets.length === 0
      ? []
      : [
          '',
          ...wrapped(
            'LoRA targets  ',
            loraTargets.map(({ name, layers }) => `${name}${layers > 1 ? ` ×${layers}` : ''}`).join(', '),
          ),
        ]),
  ].join('\n')
}
