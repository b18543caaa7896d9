/**
 * What share of a training step is deriva's own code? Whole steps of scheduled sampling are timed together with the time that passes
 * within ONNX Runtime; what is left is planning, drawing noise, packing, mixing, streams and copies. And how long is it from the start
 * of a process to the end of its first step?
 *
 *     npx tsx --tsconfig tsconfig.json bench/overhead.ts [--rounds 7] [--models demo,dit]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { InferenceSession } from 'onnxruntime-node'
import { firstValueFrom } from 'rxjs'
import { mse } from 'deriva/loss'
import { parameterCount } from 'deriva/model'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { euler } from 'deriva/solver'
import { dataset, descend, noised, rollout } from 'deriva/stream'
import { adamw, trainer } from 'deriva/train'
import { type Batch, int64, size } from 'deriva/types'
import { median, realistic, realisticModel, type RealisticName, realisticNames, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    models: { type: 'string', default: 'demo,dit' },
    // What this process was started for, by itself.
    first: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seed = 1

/** Seconds within ONNX Runtime since the start. */
let within = 0
// Every session of the engine is of this class, so this is the one place that all calls pass through.
const create = InferenceSession.create.bind(InferenceSession)
Object.assign(InferenceSession, {
  create: async (...given: Parameters<typeof create>) => {
    const session = await create(...given)
    const run = session.run.bind(session)
    return Object.assign(session, {
      run: async (...fed: Parameters<typeof run>) => {
        const started = performance.now()
        const outputs = await run(...fed)
        within += (performance.now() - started) / 1000
        return outputs
      },
    })
  },
})

/** The same samples at every step; what is drawn for them changes with the step. */
const batchOf = (sample: ReadonlyArray<number>, count: number): Batch => {
  const ids = Uint32Array.from({ length: count }, (_, i) => i)
  const elements = size(sample)
  const x0 = new Float32Array(count * elements)
  ids.forEach((id) => normal({ seed, purpose: 'data', step: 0, sample: id }, x0, id * elements, elements))
  const label = int64(
    [count],
    Array.from(ids, (id) => id % 10),
  )
  return { ids, x0, shape: sample, conditioning: { label } }
}

type Taken = { readonly whole: number; readonly within: number; readonly evaluations: number }

/** A training of this model, one step at a time. */
const training = async (name: RealisticName): Promise<(step: number) => Promise<Taken>> => {
  const model = realisticModel(name)
  const { batch: batchSize } = realistic[name]
  const compiled = right(
    await trainer({
      model,
      loss: mse,
      optimizer: adamw({ learningRate: () => 1e-4 }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.999,
    })(),
  )
  const batch = batchOf(model.sample, batchSize)
  const pipeline = pipe(
    dataset(() => TE.right(batch)),
    noised(flow()),
    rollout(euler(), { maxStepOffset: 10, probability: () => 0.5 }),
    descend(compiled),
  )
  let state = compiled.initial
  return async (step) => {
    const before = within
    const started = performance.now()
    const environment = { state: { ...state, step }, denoiser: compiled.denoiser(state.parameters), seed }
    const made = await firstValueFrom(pipeline(environment))
    state = made.state
    return {
      whole: (performance.now() - started) / 1000,
      within: within - before,
      evaluations: made.metrics.evaluations,
    }
  }
}

/** Seconds from the start of a process, which loads and compiles everything, to the end of its first step. */
const firstStep = (name: RealisticName): { readonly ready: number; readonly done: number } =>
  JSON.parse(
    execFileSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), `--first=${name}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  ) as { readonly ready: number; readonly done: number }

if (values.first !== undefined) {
  const [name] = realisticNames(values.first)
  const step = await training(name)
  // `performance.now()` counts from the start of the process.
  const ready = performance.now() / 1000
  await step(0)
  console.log(JSON.stringify({ ready, done: performance.now() / 1000 }))
} else {
  const rows: Array<Readonly<Record<string, string | number>>> = []
  for (const name of realisticNames(values.models)) {
    const { ready, done } = firstStep(name)
    const step = await training(name)
    const taken: Taken[] = []
    // The first round uncounted.
    for (let round = 0; round <= rounds; round++) {
      const one = await step(round)
      if (round > 0) taken.push(one)
    }
    const own = taken.map(({ whole, within: inside }) => whole - inside)
    rows.push({
      model: `${realistic[name].label}, ${(parameterCount(realisticModel(name)) / 1e6).toFixed(1)} M, batch ${realistic[name].batch}`,
      'evaluations in rollouts': Number(median(taken.map(({ evaluations }) => evaluations)).toFixed(0)),
      'step ms': Number((1000 * median(taken.map(({ whole }) => whole))).toFixed(1)),
      'of it deriva ms': Number((1000 * median(own)).toFixed(1)),
      share: `${(100 * median(taken.map(({ whole }, i) => own[i] / whole))).toFixed(1)} %`,
      'until the first step s': Number(ready.toFixed(2)),
      'with it s': Number(done.toFixed(2)),
    })
    console.error(JSON.stringify(rows.at(-1)))
  }
  console.log(
    `${cpus()[0].model}, ${availableParallelism()} threads, Node ${process.version}, ${rounds} rounds; rollouts of up to 10 steps, probability 0.5`,
  )
  console.table(rows)
  writeFileSync(new URL('overhead.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
}
