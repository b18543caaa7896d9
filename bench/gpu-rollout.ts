/**
 * What does a step of scheduled sampling take on an NVIDIA card? Whole steps of a DiT-S/2 (rollouts of up to 10 timesteps, clean predictions,
 * ReflexFlow's loss, backward, clipping, AdamW, average) as supersteps on CUDA, in turn with the same steps in PyTorch on the same card, on
 * the same spans: once sample by sample as SimpleTuner runs it, and once batched and masked. Without a card it says so and ends.
 *
 *     npx tsx --tsconfig tsconfig.json bench/gpu-rollout.ts [--rounds 3] [--batches 16,32] [--steps 32] [--precisions float32,bfloat16]
 *         --python .venv/bin/python
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom } from 'rxjs'
import { chooseDevice, openEngine } from 'deriva/engine'
import { reflexflow } from 'deriva/loss'
import { inPrecision, type Precision } from 'deriva/model'
import { flow } from 'deriva/path'
import { plan, type PlanOptions } from 'deriva/rollout'
import { euler } from 'deriva/solver'
import { dataset, type Noised, noised, observe, type Stepped, supersteps, training } from 'deriva/stream'
import { adamw, superstep } from 'deriva/train'
import { torch } from './pytorch/child.js'
import { batchOf, median, realistic, realisticModel, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    batches: { type: 'string', default: '16,32' },
    // Of a superstep.
    steps: { type: 'string', default: '32' },
    precisions: { type: 'string', default: 'float32,bfloat16' },
    python: { type: 'string' },
  },
})
const [rounds, steps] = [values.rounds, values.steps].map(Number)
const seed = 1
const path = flow()
/** Steps of a superstep that the other side is timed on: it takes a while. */
const compared = 3

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0) / xs.length

const measured = async (
  python: string,
  batchSize: number,
  share: number,
  precision: Precision,
): Promise<Readonly<Record<string, string | number>>> => {
  const { label, model: spec } = realistic.dit
  const model = inPrecision(precision)(realisticModel('dit'))
  const options: PlanOptions = { maxStepOffset: 10, probability: () => share }
  const engine = openEngine({ device: 'cuda' })
  const compiled = right(
    await superstep(engine)({
      model,
      loss: reflexflow(),
      optimizer: adamw({ learningRate: () => 1e-4 }),
      batchSize,
      maxGradientNorm: 1,
      emaDecay: 0.999,
      steps,
      rollout: { path, solver: euler(), plan: options },
    })(),
  )
  const batch = batchOf(model.sample, batchSize)
  const shared = { model: spec, batch: batchSize, average: true, device: 'cuda' } as const
  const lower = precision === 'float32' ? {} : ({ precision: 'bfloat16' } as const)
  const sides = await torch(python, availableParallelism(), {
    one_by_one: { ...shared, ...lower, way: 'one_by_one' },
    batched: { ...shared, ...lower, way: 'batched' },
  })
  const seconds: Record<string, number[]> = { deriva: [], one_by_one: [], batched: [] }
  let evaluations = 0
  let state = compiled.initial
  for (let round = 0; round <= rounds; round++) {
    const drawn: Array<{ readonly source: number[]; readonly target: number[] }> = []
    const pipeline = pipe(
      dataset(() => TE.right(batch)),
      // Whole timesteps, since that is what the other side can roll to.
      noised(path, ({ timesteps }, u) => Math.floor(timesteps * u)),
      observe(({ timesteps, ids }: Noised) =>
        TE.fromIO(() => {
          if (drawn.length === compared) return
          const spans = plan(options, { seed, step: round * steps + drawn.length }, ids, timesteps, path)
          drawn.push({ source: spans.map(({ source }) => source), target: spans.map(({ target }) => target) })
        }),
      ),
      supersteps(compiled),
      observe(({ metrics }: Stepped) =>
        TE.fromIO(() => {
          if (round > 0) evaluations += (metrics.evaluations + metrics.cleanEvaluations) / (rounds * steps)
        }),
      ),
    )
    const started = performance.now()
    const run = pipe(
      pipeline,
      training(compiled, { steps: (round + 1) * steps, seed, from: { ...state, step: round * steps } }),
    )
    const { state: next } = await lastValueFrom(run)
    const taken: Record<string, number> = { deriva: (performance.now() - started) / 1000 / steps }
    state = right(await compiled.read(next)())
    for (const way of ['one_by_one', 'batched']) {
      const each: number[] = []
      for (const spans of drawn) each.push(await sides.run(way, spans))
      taken[way] = mean(each)
    }
    // The first round warms up.
    if (round > 0) for (const [way, time] of Object.entries(taken)) seconds[way].push(time)
  }
  sides.end()
  right(await engine.close())
  const milliseconds = (way: string): number => Number((1000 * median(seconds[way])).toFixed(1))
  const ratio = (way: string): number =>
    Number(median(seconds[way].map((time, i) => time / seconds.deriva[i])).toFixed(2))
  return {
    model: label,
    precision,
    batch: batchSize,
    share,
    'evaluations beside the step': Number(evaluations.toFixed(1)),
    'deriva ms': milliseconds('deriva'),
    'sample by sample ms': milliseconds('one_by_one'),
    '× deriva': ratio('one_by_one'),
    'batched, masked ms': milliseconds('batched'),
    '× deriva ': ratio('batched'),
    PyTorch: sides.version,
  }
}

const chosen = await chooseDevice('cuda')()
if (E.isLeft(chosen)) console.log(`Skipped, since there is no card to measure on: ${chosen.left.message}`)
else if (values.python === undefined) console.log('Skipped: --python has to name a Python with PyTorch.')
else {
  console.log(`${cpus()[0].model}, Node ${process.version}; ${chosen.right.reason}`)
  const rows: Array<Readonly<Record<string, string | number>>> = []
  for (const precision of ['float32', 'bfloat16'] as const)
    if (values.precisions.split(',').includes(precision))
      for (const batchSize of values.batches.split(',').map(Number))
        for (const share of [0.5, 1]) {
          rows.push(await measured(values.python, batchSize, share, precision))
          console.error(JSON.stringify(rows.at(-1)))
        }
  console.table(rows)
  writeFileSync(new URL('gpu-rollout.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
}
