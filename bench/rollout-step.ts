/**
 * What does a step of scheduled sampling take? Times whole steps (rollout of up to 10 timesteps, clean predictions, ReflexFlow's loss,
 * backward, clipping, AdamW, average) in turn with the same step in PyTorch, on the same spans, model and threads: once sample by
 * sample as SimpleTuner runs it, and once batched and masked.
 *
 *     npx tsx --tsconfig tsconfig.json bench/rollout-step.ts [--rounds 5] [--models demo,dit] [--batches 16,32] [--threads 2] [--python .venv/bin/python]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { firstValueFrom } from 'rxjs'
import { reflexflow } from 'deriva/loss'
import { flow } from 'deriva/path'
import { plan, type PlanOptions } from 'deriva/rollout'
import { euler } from 'deriva/solver'
import { dataset, descend, noised, rollout } from 'deriva/stream'
import { adamw, trainer } from 'deriva/train'
import { torch, type Torch } from './pytorch/child.js'
import {
  batchOf,
  median,
  realistic,
  realisticModel,
  type RealisticName,
  realisticNames,
} from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'demo,dit' },
    batches: { type: 'string', default: '16,32' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
  },
})
const [rounds, threads] = [Number(values.rounds), Number(values.threads)]

const path = flow()
const seed = 1

/** Seconds on the clock, and of all processors together. */
type Taken = { readonly seconds: number; readonly processor: number }

const sideNames = ['deriva', 'one_by_one', 'batched'] as const
type Side = (typeof sideNames)[number]

/** One case: a model, a batch size and a share of samples that roll out. */
const measured = async (
  name: RealisticName,
  batchSize: number,
  share: number,
): Promise<Readonly<Record<string, string | number>>> => {
  const { label, model: spec } = realistic[name]
  const model = realisticModel(name)
  const compiled = await trainer({
    model,
    loss: reflexflow(),
    optimizer: adamw({ learningRate: () => 1e-4 }),
    batchSize,
    maxGradientNorm: 1,
    emaDecay: 0.999,
    threads,
  })()
  if (compiled._tag === 'Left') throw new Error(compiled.left.message)
  const options: PlanOptions = { maxStepOffset: 10, probability: () => share }
  const batch = batchOf(model.sample, batchSize)
  // Whole timesteps, since that is what the other side can roll to.
  const pipeline = pipe(
    dataset(() => TE.right(batch)),
    noised(path, ({ timesteps }, u) => Math.floor(timesteps * u)),
    rollout(euler(), options),
    descend(compiled.right),
  )
  const sides: Torch | undefined =
    values.python === undefined
      ? undefined
      : await torch(values.python, threads, {
          one_by_one: { model: spec, batch: batchSize, way: 'one_by_one', average: true },
          batched: { model: spec, batch: batchSize, way: 'batched', average: true },
        })
  const steps: Record<Side, Taken[]> = { deriva: [], one_by_one: [], batched: [] }
  let evaluations = 0
  // Interleaved, the first round uncounted: machines drift. The weights stay those of the start; a clock does not mind.
  for (let round = 0; round <= rounds; round++) {
    const [started, before] = [performance.now(), process.cpuUsage()]
    const descended = await firstValueFrom(
      pipeline({
        state: { ...compiled.right.initial, step: round },
        denoiser: compiled.right.denoiser(compiled.right.initial.parameters),
        seed,
      }),
    )
    const { user, system } = process.cpuUsage(before)
    const taken: Partial<Record<Side, Taken>> = {
      deriva: { seconds: (performance.now() - started) / 1000, processor: (user + system) / 1e6 },
    }
    if (sides !== undefined) {
      const drawn = plan(options, { seed, step: round }, batch.ids, descended.timesteps, path)
      const spans = { source: drawn.map(({ source }) => source), target: drawn.map(({ target }) => target) }
      for (const way of ['one_by_one', 'batched'] as const) taken[way] = await sides.step(way, spans)
    }
    if (round === 0) continue
    evaluations += (descended.metrics.evaluations + descended.metrics.cleanEvaluations) / rounds
    for (const way of sideNames) {
      const one = taken[way]
      if (one !== undefined) steps[way].push(one)
    }
  }
  sides?.end()
  const middle = (way: Side): number => Number(median(steps[way].map(({ seconds }) => seconds)).toFixed(3))
  // Rounds differ in how much rolls out, so ratios are taken round by round.
  const ratio = (way: Side, of: keyof Taken): number =>
    Number(median(steps[way].map((one, i) => one[of] / steps.deriva[i][of])).toFixed(2))
  return {
    model: label,
    batch: batchSize,
    share,
    'evaluations beside the step': Number(evaluations.toFixed(1)),
    'deriva s': middle('deriva'),
    ...(sides === undefined
      ? {}
      : {
          'sample by sample s': middle('one_by_one'),
          '× deriva': ratio('one_by_one', 'seconds'),
          'of processors': ratio('one_by_one', 'processor'),
          'batched, masked s': middle('batched'),
          '× deriva ': ratio('batched', 'seconds'),
          'of processors ': ratio('batched', 'processor'),
          PyTorch: sides.version,
        }),
  }
}

const rows: Array<Readonly<Record<string, string | number>>> = []
for (const name of realisticNames(values.models))
  for (const batchSize of values.batches.split(',').map(Number))
    for (const share of [0.5, 1]) {
      rows.push(await measured(name, batchSize, share))
      console.error(JSON.stringify(rows.at(-1)))
    }
console.log(`${cpus()[0].model}, ${threads} threads, Node ${process.version}, ${rounds} rounds`)
console.table(rows)
writeFileSync(new URL('rollout-step.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
