/**
 * How much memory does a process take that trains, and what does `deriva inspect` say of it? Every case is a process of its own, which takes some steps
 * as `deriva train` does them, in a thread of their own; the operating system tells its largest resident size.
 *
 *     npx tsx --tsconfig tsconfig.json bench/training-memory.ts [--models dit,unet,demo,wide] [--steps 4]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { trainingMemory } from '../lib/cli/index.js'
import { openEngine } from 'deriva/engine'
import { lora } from 'deriva/lora'
import { mse } from 'deriva/loss'
import type { Model } from 'deriva/model'
import { add, input, matMul, mul, parameter, relu, reshape } from 'deriva/onnx'
import { adamw, type Standing, trainerOn } from 'deriva/train'
import { float32, int64, size } from 'deriva/types'
import { noise, realistic, realisticModel, type RealisticName, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    models: { type: 'string', default: 'dit,unet,demo,wide' },
    steps: { type: 'string', default: '4' },
    case: { type: 'string' },
    compare: { type: 'string' },
  },
})

/** Hardly anything but weights: six square matrices of 2048, or of another width. */
const wideModel = (width: number): Model<'flow_matching'> => {
  const timestep = input('timestep', 'float32', ['batch'])
  const latents = add(input('latents', 'float32', ['batch', width]), mul(reshape(timestep, [-1, 1]), 1e-3))
  const weights = noise(width * width).map((x) => x / Math.sqrt(width))
  return {
    parameterisation: 'flow_matching',
    sample: [width],
    prediction: Array.from({ length: 6 }, (_, i) => `layers.${i}.weight`).reduce(
      (x, name) => relu(matMul(x, parameter(name, float32([width, width], weights.slice())))),
      latents,
    ),
  }
}

/** A width, or the name of a model. */
type Subject = RealisticName | number
export type TrainingCase = { readonly model: Subject; readonly lora: boolean; readonly batch: number }

/** Two sizes of the batch each: one where weights are most of it, and one where activations are. */
const subjects: Readonly<
  Record<string, { readonly model: Subject; readonly label: string; readonly batches: ReadonlyArray<number> }>
> = {
  dit: { model: 'dit', label: realistic.dit.label, batches: [2, 8] },
  unet: { model: 'unet', label: realistic.unet.label, batches: [2, 8] },
  demo: { model: 'demo', label: realistic.demo.label, batches: [32, 128] },
  wide: { model: 2048, label: '6 linear layers of 2048', batches: [1, 64] },
}

const modelOf = ({ model, lora: adapts }: Pick<TrainingCase, 'model' | 'lora'>): Model<'flow_matching'> => {
  const base = typeof model === 'number' ? wideModel(model) : realisticModel(model)
  return adapts ? right(lora({ rank: 16, alpha: 16, targets: ['*'], seed: 0 })(base)) : base
}

/** Trains in this process. */
const trained = async (model: Model<'flow_matching'>, batchSize: number): Promise<void> => {
  const compiled = right(
    await trainerOn(openEngine({ worker: true }))({
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-4 }),
      batchSize,
      emaDecay: 0.999,
      maxGradientNorm: 1,
    })(),
  )
  const pixels = noise(batchSize * size(model.sample))
  const label = int64(
    [batchSize],
    Array.from({ length: batchSize }, (_, i) => i % 10),
  )
  let state: Standing = compiled.initial
  for (let step = 0; step < Number(values.steps); step++) {
    const descent = right(
      await compiled.descend(state, {
        latents: pixels,
        target: pixels,
        x0: pixels,
        clean: pixels,
        timesteps: new Float32Array(batchSize).fill(500),
        rolled: new Float32Array(batchSize),
        conditioning: { label },
        given: {},
      })(),
    )
    if (step > 0) compiled.release(state)()
    state = descent.state
  }
}

/** Bytes: the largest resident size of a process of its own, and what the estimate of it is. */
type Compared = { readonly measured: number; readonly estimated: number }

const apart = (one: TrainingCase): number =>
  Number(
    execFileSync(
      process.execPath,
      [
        ...process.execArgv,
        fileURLToPath(import.meta.url),
        `--case=${JSON.stringify(one)}`,
        `--steps=${values.steps}`,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  )

const compared = (one: TrainingCase): Compared => ({
  estimated: right(trainingMemory(modelOf(one), one.batch)),
  measured: apart(one),
})

if (values.case !== undefined) {
  const one = JSON.parse(values.case) as TrainingCase
  await trained(modelOf(one), one.batch)
  console.log(process.resourceUsage().maxRSS * 1024)
  // The engine's thread has nothing more to do.
  process.exit()
}

// For the tests: one case, as JSON.
if (values.compare !== undefined) {
  console.log(JSON.stringify(compared(JSON.parse(values.compare) as TrainingCase)))
  process.exit()
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20)
const rows = values.models.split(',').flatMap((name) => {
  const { model, label, batches } = subjects[name]
  return [false, true].flatMap((adapts) => {
    const found = batches.map((batch) => ({ batch, ...compared({ model, lora: adapts, batch }) }))
    const [few, many] = found
    const slope = (kind: keyof Compared): string =>
      ((many[kind] - few[kind]) / (many.batch - few.batch) / 2 ** 20).toPrecision(3)
    return found.map(({ batch, measured, estimated }) => ({
      model: label,
      trains: adapts ? 'LoRA, rank 16' : 'all',
      batch,
      'measured MiB': mebibytes(measured),
      'estimated MiB': mebibytes(estimated),
      difference: `${((100 * (estimated - measured)) / measured).toFixed(0)} %`,
      'a sample, measured MiB': slope('measured'),
      'a sample, estimated MiB': slope('estimated'),
    }))
  })
})
console.table(rows)
writeFileSync(new URL('training-memory.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
