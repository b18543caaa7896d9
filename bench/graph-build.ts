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
import { grad } from 'deriva/autodiff'
import { type Device, suitedTo } from 'deriva/engine'
import { atBatch, dit, inPrecision, type Precision } from 'deriva/model'
import {
  decode,
  encode,
  input,
  leaves,
  mul,
  reduceMean,
  sub,
  topological,
  type Value,
  views,
} from 'deriva/onnx'
import { realistic, realisticModel, type RealisticName, right } from './realistic.js'

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

/** As a file has them, where equal expressions are written once; and how many of these only change shapes. */
const written = (outputs: ReadonlyArray<Value>): { readonly all: number; readonly shapes: number } => {
  const named = Object.fromEntries(outputs.map((value, i) => [`out${i}`, value]))
  const file = right(decode(encode({ outputs: named, parameters: 'inputs' })))
  const nodes = topological(Object.values(file.outputs)).flatMap((node) =>
    node.kind === 'operator' ? [node.operator] : [],
  )
  return { all: nodes.length, shapes: nodes.filter((name) => views.has(name)).length }
}

/** The mean squared error of what comes out, and its gradient with respect to every weight. */
const differentiated = (output: Value): ReadonlyArray<Value> => {
  const difference = sub(output, input('target', output.type, output.shape))
  const loss = reduceMean(mul(difference, difference), undefined, false)
  const weights = leaves([output]).filter(({ node }) => node.kind === 'parameter')
  return [loss, ...right(grad(loss, weights))]
}

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
    forward: forward.all,
    'and backward': step.all,
    'of them changes of shape': step.shapes,
  }
}

const median = (xs: ReadonlyArray<number>): number => xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]

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
