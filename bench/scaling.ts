/**
 * How do time and memory of training grow? With the batch, the size of the model and the longest rollout: in proportion, where the work
 * does. With the number of steps: not at all, neither the time of one nor the memory. Every case is a process of its own, whose largest
 * resident size the operating system tells.
 *
 *     npx tsx --tsconfig tsconfig.json bench/scaling.ts [--steps 4]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lastValueFrom, map, toArray } from 'rxjs'
import { mse } from 'deriva/loss'
import { dit, flopsPerSample, parameterCount } from 'deriva/model'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { euler } from 'deriva/solver'
import { dataset, descend, noised, observe, rollout, training } from 'deriva/stream'
import { adamw, trainer } from 'deriva/train'
import { type Batch, size } from 'deriva/types'
import { median, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    steps: { type: 'string', default: '4' },
    // What this process was started for, by itself.
    case: { type: 'string' },
  },
})

/** `k`: steps of every sample's rollout. */
type Case = { readonly batch: number; readonly depth: number; readonly k: number; readonly steps: number }
type Measured = {
  readonly seconds: number
  readonly mebibytes: number
  readonly parameters: number
  readonly gigaflops: number
}

const sample = [4, 16, 16] as const

const batchOf = (count: number): Batch => {
  const x0 = normal({ seed: 1, purpose: 'data', step: 0, sample: 0 }, new Float32Array(count * size(sample)))
  return { ids: Uint32Array.from({ length: count }, (_, i) => i), x0, shape: sample, conditioning: {} }
}

/** Runs one case in this process. */
const measured = async ({ batch: count, depth, k, steps }: Case): Promise<Measured> => {
  const model = dit({
    parameterisation: 'flow_matching',
    sample,
    patch: 2,
    width: 192,
    heads: 3,
    depth,
    seed: 1,
  })
  const compiled = right(
    await trainer({ model, loss: mse, optimizer: adamw({ learningRate: () => 1e-4 }), batchSize: count })(),
  )
  const batch = batchOf(count)
  const path = flow()
  const seconds = await lastValueFrom(
    pipe(
      dataset(() => TE.right(batch)),
      // Always in the middle, so that every way down to it is as long as asked for.
      noised(path, ({ timesteps }) => timesteps / 2),
      rollout(euler(), {
        maxStepOffset: k,
        probability: () => 1,
        source: 'trajectory',
        stride: k === 0 ? 1 : path.noisiest.timestep / 2 / k,
      }),
      descend(compiled),
      observe(() =>
        TE.fromIO(() => {
          // What the step gave back, so that it is not counted beside what the next gives.
          globalThis.gc?.()
        }),
      ),
      training(compiled, { steps: steps + 1, seed: 1 }),
    ).pipe(
      // Nothing else of a step is kept: each brings its weights with it.
      map(({ metrics: { rolloutSeconds, trainingSeconds } }) => rolloutSeconds + trainingSeconds),
      toArray(),
    ),
  )
  return {
    // The first step uncounted.
    seconds: median(seconds.slice(1)),
    mebibytes: process.resourceUsage().maxRSS / 1024,
    parameters: parameterCount(model) / 1e6,
    gigaflops: ((3 + k) * count * flopsPerSample(model)) / 1e9,
  }
}

/** Runs one case in a process of its own. */
const apart = (one: Case): Measured =>
  JSON.parse(
    execFileSync(
      process.execPath,
      [...process.execArgv, '--expose-gc', fileURLToPath(import.meta.url), `--case=${JSON.stringify(one)}`],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  ) as Measured

if (values.case !== undefined) {
  console.log(JSON.stringify(await measured(JSON.parse(values.case) as Case)))
} else {
  const steps = Number(values.steps)
  const usual: Case = { batch: 8, depth: 6, k: 0, steps }
  const series: Readonly<Record<string, ReadonlyArray<Case>>> = {
    batch: [4, 8, 16, 32].map((batch) => ({ ...usual, batch })),
    depth: [3, 6, 12].map((depth) => ({ ...usual, depth })),
    k: [0, 2, 4, 8].map((k) => ({ ...usual, k })),
    steps: [1, 4, 16].map((factor) => ({ ...usual, k: 2, steps: steps * factor })),
  }
  const rows = Object.entries(series).flatMap(([what, cases]) =>
    cases.map((one) => {
      const found = apart(one)
      const row = {
        growing: what,
        ...one,
        'M weights': Number(found.parameters.toFixed(1)),
        'GFLOP a step': Number(found.gigaflops.toFixed(1)),
        'ms a step': Number((1000 * found.seconds).toFixed(0)),
        'GFLOP/s': Number((found.gigaflops / found.seconds).toFixed(0)),
        'peak MiB': Math.round(found.mebibytes),
      }
      console.error(JSON.stringify(row))
      return row
    }),
  )
  console.log(`${cpus()[0].model}, ${availableParallelism()} threads, Node ${process.version}`)
  console.table(rows)
  writeFileSync(new URL('scaling.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
}
