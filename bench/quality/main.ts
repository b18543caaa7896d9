/**
 * Does training on drifted latents help? The same model from the same seeds, trained by teacher forcing and by every other method, for
 * equal steps and for equal time; then drift, and the distance of what is generated to images that nobody trained on.
 *
 *     npx tsx --tsconfig tsconfig.json bench/quality/main.ts [--quick] [--dataset mnist] [--only "teacher forcing,+ DEFAR"]
 *         [--seeds 1,2,3] [--steps 800] [--images 1000] [--samples 2000] [--solver-steps 5,10,20,50]
 *         [--equal time,steps] [--jobs 2] [--out bench/quality/results]
 *
 * Every finished run is a file in the folder, and is not run again.
 */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { fileURLToPath } from 'node:url'
import { imagesNames } from './images.js'
import { comparedNames, methodNames } from './methods.js'
import { drawResults } from './plots.js'
import { kept } from './storage.js'
import { Result } from './result.js'
import { markdown, printed } from './summary.js'
import { type Effort, fileOf, floorOf, resultOf, type Run, timingOf } from './task.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    dataset: { type: 'string', default: imagesNames.join(',') },
    only: { type: 'string', default: comparedNames.join(',') },
    seeds: { type: 'string' },
    steps: { type: 'string' },
    samples: { type: 'string' },
    images: { type: 'string' },
    'solver-steps': { type: 'string' },
    equal: { type: 'string', default: 'time,steps' },
    jobs: { type: 'string', default: '2' },
    out: { type: 'string' },
    /** One run, in a process of its own: what this program starts itself with. */
    run: { type: 'string' },
  },
})

const chosen = <A extends string>(what: string, given: string, all: ReadonlyArray<A>): ReadonlyArray<A> =>
  given.split(',').map((name) => {
    const found = all.find((one) => one === name.trim())
    if (found === undefined) throw new Error(`--${what}: "${name}" is none of ${all.join(', ')}`)
    return found
  })

const { quick } = values
const effort: Effort = {
  out: values.out ?? join(here, quick ? 'results-quick' : 'results'),
  steps: Number(values.steps ?? (quick ? 60 : 800)),
  samples: Number(values.samples ?? (quick ? 200 : 2000)),
  solverSteps: (values['solver-steps'] ?? (quick ? '5,10' : '5,10,20,50')).split(',').map(Number),
  equal: chosen('equal', values.equal, ['time', 'steps']),
  rounds: quick ? 2 : 8,
  classifierSteps: quick ? 100 : 800,
  images: Number(values.images ?? Infinity),
  threads: 1,
}
const seeds = (values.seeds ?? (quick ? '1' : '1,2,3')).split(',').map(Number)
const datasets = chosen('dataset', values.dataset, imagesNames)
const names = chosen('only', values.only, methodNames)

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message)
  return either.right
}

const one = async (text: string): Promise<void> => {
  const [dataset = '', method = '', seed = ''] = text.split('|')
  const run: Run = {
    dataset: chosen('run', dataset, imagesNames)[0],
    method: chosen('run', method, methodNames)[0],
    seed: Number(seed),
  }
  let tenths = 0
  right(
    await resultOf(effort, run, (done) => {
      if (Math.floor(10 * done) <= tenths) return
      tenths = Math.floor(10 * done)
      console.log(`${dataset}, ${method}, seed ${seed}: ${10 * tenths} %`)
    })(),
  )
}

/** A run in a process of its own: ONNX Runtime computes in the thread that calls it. */
const forked = (run: Run): Promise<void> =>
  new Promise((resolve, reject) => {
    const args = [...process.argv.slice(2), '--run', `${run.dataset}|${run.method}|${run.seed}`]
    fork(fileURLToPath(import.meta.url), args).on('exit', (code) => {
      if (code === 0) resolve()
      else
        reject(
          new Error(
            `the run of ${run.method} on ${run.dataset} with seed ${run.seed} ended with code ${code}`,
          ),
        )
    })
  })

const all = async (): Promise<void> => {
  const started = performance.now()
  const floors = await Promise.all(datasets.map(async (dataset) => right(await floorOf(effort, dataset)())))
  const timing = right(await timingOf(effort, names)())
  console.log('milliseconds of processor a step, averaged over a training')
  console.table(
    Object.fromEntries(
      Object.entries(timing).map(([name, costs]) => [
        name,
        Math.round((1e3 * costs.reduce((a, b) => a + b, 0)) / costs.length),
      ]),
    ),
  )
  // Seeds first: an interrupted benchmark has compared everything at least once.
  const runs = seeds.flatMap((seed) =>
    datasets.flatMap((dataset) => names.map((method): Run => ({ dataset, method, seed }))),
  )
  const waiting = [...runs]
  const worker = async (): Promise<void> => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const done = right(await kept(Result)(fileOf(effort, run))())
      if (done === undefined) await forked(run)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker))
  const results = await Promise.all(runs.map(async (run) => right(await kept(Result)(fileOf(effort, run))())))
  const finished = results.flatMap((result) => (result === undefined ? [] : [result]))
  printed(finished, floors, timing)
  right(await markdown(join(effort.out, 'tables.md'), finished, floors, timing)())
  right(
    await drawResults(
      values.out ?? (quick ? effort.out : join(here, '../../docs/images')),
      finished,
      floors,
    )(),
  )
  console.log(`${Math.round((performance.now() - started) / 60_000)} minutes, on ${values.jobs} processes`)
}

await (values.run === undefined ? all() : one(values.run))
