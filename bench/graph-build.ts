/**
 * How long does it take to build a training graph? A deep DiT is written as a file, and this reads it, differentiates the mean squared
 * error with respect to every weight, and writes the result: what a user's model.onnx goes through before its first step. Or takes
 * any ONNX file. And of how many operators are the graphs of realistic models, forward, and forward and backward?
 *
 *     npx tsx bench/graph-build.ts [--depth 100] [--width 64] [--rounds 5] [--model model.onnx]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Device, suitedTo } from 'deriva/engine'
import { atBatch, dit, inPrecision, type Precision } from 'deriva/model'
import { decode, encode, topological, type Value } from 'deriva/onnx'
import { differentiated, written } from './gradient-graph.js'
import { median, realistic, realisticModel, type RealisticName, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    depth: { type: 'string', default: '100' },
    width: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    batch: { type: 'string', default: '4' },
    model: { type: 'string' },
  },
})

const deepDit = (): Uint8Array => {
  const { prediction } = dit({
    parameterisation: 'flow_matching',
    sample: [4, 8, 8],
    patch: 2,
    width: Number(values.width),
    heads: 4,
    depth: Number(values.depth),
    seed: 1,
  })
  return encode({ outputs: { prediction }, parameters: 'initializers' })
}

const operators = (outputs: ReadonlyArray<Value>): number =>
  topological(outputs).filter(({ kind }) => kind === 'operator').length

/** A realistic model's operators on a device. */
const sizes = (name: RealisticName, precision: Precision, device: Device) => {
  const { prediction } = inPrecision(precision)(realisticModel(name))
  const output = atBatch(prediction, realistic[name].batch)
  const [forward, step] = [[output], differentiated(output)].map((values) =>
    written(suitedTo(device, values)),
  )
  return {
    model: realistic[name].label,
    precision,
    device,
    forward: forward.computing + forward.reshaping,
    'and backward': step.computing + step.reshaping,
    'of them changes of shape': step.reshaping,
  }
}

const bytes = values.model === undefined ? deepDit() : readFileSync(values.model)

const round = () => {
  const before = process.cpuUsage()
  const started = performance.now()
  const graph = right(decode(bytes, { dims: { batch: Number(values.batch) } }))
  const decoded = performance.now()
  const [output] = Object.values(graph.outputs)
  const trained = differentiated(output)
  const graded = performance.now()
  const outputs = Object.fromEntries(trained.map((value, i) => [`out${i}`, value]))
  const file = encode({ outputs, parameters: 'inputs' })
  const encoded = performance.now()
  const { user, system } = process.cpuUsage(before)
  return {
    forward: operators([output]),
    training: operators(trained),
    weights: trained.length - 1,
    bytes: file.length,
    decode: decoded - started,
    grad: graded - decoded,
    encode: encoded - graded,
    total: encoded - started,
    // What a busy machine leaves alone: the time of its cores, those of the garbage collector included.
    cores: (user + system) / 1000,
  }
}

const rounds = Array.from({ length: Number(values.rounds) }, round)
const [first] = rounds
const table = Object.fromEntries(
  (['decode', 'grad', 'encode', 'total', 'cores'] as const).map((part) => {
    const times = rounds.map((r) => r[part])
    return [part, { 'first ms': Math.round(times[0] ?? 0), 'median ms': Math.round(median(times)) }]
  }),
)
console.log(
  `${first.forward} operators, ${first.weights} weights; ${first.training} operators in the training graph`,
)
console.table(table)
const steps = [
  sizes('dit', 'float32', 'cpu'),
  sizes('dit', 'bfloat16', 'cuda'),
  sizes('unet', 'float32', 'cpu'),
  sizes('demo', 'float32', 'cpu'),
]
console.table(steps)
writeFileSync(
  'bench/graph-build.json',
  `${JSON.stringify({ cpu: cpus()[0]?.model, ...first, table, steps }, undefined, 2)}\n`,
)
