/**
 * Does training on drifted latents help? The same model from the same seeds, trained by teacher forcing and by every other method, for
 * equal steps and for equal time; then drift, and the distance of what is generated to images that nobody trained on.
 *
 *     npx tsx --tsconfig tsconfig.json bench/quality/main.ts [prepare] [train] [report] [--quick]
 *         [--dataset mnist,fashion-mnist,mnist-1000] [--only "teacher forcing,+ DEFAR"] [--seeds 1,2,3] [--steps 800] [--samples 2000]
 *         [--solver-steps 5,10,20,50] [--equal time,steps] [--jobs 2] [--out bench/quality/results] [--pictures docs/images]
 *
 * `prepare` makes the small images and the classifiers, `train` times the methods, trains and assesses, `report` draws and prints what
 * there is; all three unless told otherwise. Every finished piece is a file in the folder `out`, which may go from machine to machine
 * between them, and no piece is made twice: what was interrupted goes on where it was.
 */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { type ImageSet, imageSetNames, imageSets } from './images.js'
import { methodNames, plan } from './methods.js'
import { drawResults } from './plots.js'
import type { Floor } from './result.js'
import { markdown, printed } from './summary.js'
import {
  type Effort,
  finished,
  finishedFloor,
  finishedTiming,
  floorOf,
  resultOf,
  type Run,
  timingOf,
} from './task.js'
import { whole } from './timing.js'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    dataset: { type: 'string', default: imageSetNames.join(',') },
    only: { type: 'string' },
    seeds: { type: 'string' },
    steps: { type: 'string' },
    samples: { type: 'string' },
    'solver-steps': { type: 'string' },
    equal: { type: 'string', default: 'time,steps' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    out: { type: 'string' },
    pictures: { type: 'string' },
    /** A piece of work in a process of its own, as `named` writes it: what this program starts itself with. */
    piece: { type: 'string' },
  },
})

const chosen = <A extends string>(what: string, given: string, all: ReadonlyArray<A>): ReadonlyArray<A> =>
  given.split(',').map((name) => {
    const found = all.find((one) => one === name.trim())
    if (found === undefined) throw new Error(`${what}: "${name}" is none of ${all.join(', ')}`)
    return found
  })

const { quick, only } = values
const effort: Effort = {
  out: values.out ?? `bench/quality/results${quick ? '-quick' : ''}`,
  steps: Number(values.steps ?? (quick ? 60 : 800)),
  samples: Number(values.samples ?? (quick ? 200 : 2000)),
  solverSteps: (values['solver-steps'] ?? (quick ? '5,10' : '5,10,20,50')).split(',').map(Number),
  equal: chosen('--equal', values.equal, ['time', 'steps']),
  rounds: quick ? 2 : 6,
  classifierSteps: quick ? 100 : 800,
  threads: 1,
}
const seeds = (values.seeds ?? (quick ? '1' : '1,2,3')).split(',').map(Number)
const datasets = chosen('--dataset', values.dataset, imageSetNames)
const sources = [...new Set(datasets.map((dataset) => imageSets[dataset].source))]
const names = only === undefined ? undefined : chosen('--only', only, methodNames)

/** Seeds first: an interrupted benchmark has compared everything at least once. */
const runs = seeds.flatMap((seed) =>
  datasets.flatMap((dataset) => (names ?? plan[dataset]).map((method): Run => ({ dataset, method, seed }))),
)
const timedNames = [...new Set(runs.map(({ method }) => method))]

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message)
  return either.right
}

/** What can be done in a process of its own: ONNX Runtime computes in the thread that calls it. */
type Piece = readonly ['floor' | 'timing' | 'run', ...ReadonlyArray<string>]
const named = (piece: Piece): string => piece.join('|')

const perform = async (text: string): Promise<void> => {
  const [kind, dataset = '', method = '', seed = ''] = text.split('|')
  const say = (what: string): void => {
    console.log(`${[dataset, method, seed].filter((part) => part !== '').join(', ')}: ${what}`)
  }
  switch (chosen('--piece', kind, ['floor', 'timing', 'run'])[0]) {
    case 'floor':
      right(await floorOf(effort, imageSets[chosen('--piece', dataset, imageSetNames)[0]].source)())
      say('prepared')
      return
    case 'timing':
      right(await timingOf(effort, timedNames)())
      return
    case 'run': {
      const run: Run = {
        dataset: chosen('--piece', dataset, imageSetNames)[0],
        method: chosen('--piece', method, methodNames)[0],
        seed: Number(seed),
      }
      let quarters = 0
      right(
        await resultOf(effort, run, (done) => {
          if (Math.floor(4 * done) <= quarters) return
          quarters = Math.floor(4 * done)
          say(`${25 * quarters} %`)
        })(),
      )
      say('assessed')
    }
  }
}

const forked = (piece: Piece): Promise<void> =>
  new Promise((resolve, reject) => {
    const args = [...process.argv.slice(2), '--piece', named(piece)]
    fork(fileURLToPath(import.meta.url), args).on('exit', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${named(piece)} ended with code ${code}`))
    })
  })

/** All pieces, the first ones first, so many at a time. */
const inProcesses = async (pieces: ReadonlyArray<Piece>): Promise<void> => {
  const waiting = [...pieces]
  const worker = async (): Promise<void> => {
    for (let piece = waiting.shift(); piece !== undefined; piece = waiting.shift()) await forked(piece)
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker))
}

const prepare = (): Promise<void> => inProcesses(sources.map((source) => ['floor', source] as const))

const train = async (): Promise<void> => {
  await prepare()
  // By itself: what else runs makes a step dearer, and not for all methods alike.
  await inProcesses([['timing']])
  const timing = right(await timingOf(effort, timedNames)())
  console.log('milliseconds of processor a step, averaged over a training')
  const cost = (method: string): number => whole(timing[method], 1)
  console.table(Object.fromEntries(timedNames.map((name) => [name, Math.round(1e3 * cost(name))])))
  const done = await Promise.all(runs.map(async (run) => right(await finished(effort, run)()) !== undefined))
  const todo = runs.filter((_, i) => !done[i])
  // The longest of a seed first, so that all processes end at about the same time.
  await inProcesses(
    todo
      .toSorted((a, b) => seeds.indexOf(a.seed) - seeds.indexOf(b.seed) || cost(b.method) - cost(a.method))
      .map(({ dataset, method, seed }) => ['run', dataset, method, String(seed)] as const),
  )
}

const report = async (): Promise<void> => {
  const missing = (what: string): Error =>
    new Error(`${effort.out} has no ${what}; "prepare" and "train" make it`)
  const timing = right(await finishedTiming(effort)())
  if (timing === undefined) throw missing('timing')
  const floors: Partial<Record<ImageSet, Floor>> = {}
  for (const dataset of datasets) {
    const floor = right(await finishedFloor(effort, imageSets[dataset].source)())
    if (floor === undefined) throw missing(`floor of ${dataset}`)
    floors[dataset] = floor
  }
  const found = await Promise.all(runs.map(async (run) => right(await finished(effort, run)())))
  const results = found.flatMap((result) => (result === undefined ? [] : [result]))
  runs.forEach(({ dataset, method, seed }, i) => {
    if (found[i] === undefined) console.log(`not there: ${method} on ${dataset}, seed ${seed}`)
  })
  if (results.length === 0) throw missing('results')
  printed(results, floors, timing)
  right(await markdown(join(effort.out, 'tables.md'), results, floors, timing)())
  right(await drawResults(values.pictures ?? effort.out, results, floors)())
}

const parts = { prepare, train, report } as const
const partNames = ['prepare', 'train', 'report'] as const

const all = async (): Promise<void> => {
  const asked = positionals.flatMap((name) => chosen('parts', name, partNames))
  for (const part of asked.length === 0 ? partNames : asked) {
    const started = performance.now()
    await parts[part]()
    console.log(`${part}: ${((performance.now() - started) / 60_000).toFixed(1)} minutes`)
  }
}

await (values.piece === undefined ? all() : perform(values.piece))
