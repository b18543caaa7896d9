/**
 * How close does a training step come to the machine's arithmetic, and to PyTorch? Times whole steps (forward, backward, clipping,
 * AdamW) of models of a realistic size in turn with a plain large MatMul and, where a Python with torch is given, with the same
 * models in PyTorch, eager and compiled, on as many threads. bench/pytorch says how to install that.
 *
 *     npx tsx --tsconfig tsconfig.json bench/train-step.ts [--rounds 7] [--models dit,unet,demo] [--threads 2] [--python PATH] [--eager]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { openSession } from 'deriva/engine'
import { flopsPerSample, parameterCount } from 'deriva/model'
import { encode, input, matMul } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { torch } from './pytorch/child.js'
import {
  median,
  noise,
  opened,
  realistic,
  realisticModel,
  type RealisticName,
  realisticNames,
  right,
  stepOf,
} from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    models: { type: 'string', default: 'dit,unet,demo' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
    // torch.compile takes minutes before its first step.
    eager: { type: 'boolean', default: false },
  },
})
const [rounds, threads] = [Number(values.rounds), Number(values.threads)]

/** Seconds on the clock, and of all processors together. */
type Taken = { readonly seconds: number; readonly processor: number }

/** What takes part, the work of a run in GFLOP, and what one takes. */
type Contestant = { readonly name: string; readonly gigaflops: number; readonly run: () => Promise<Taken> }

const timed = async (run: () => Promise<unknown>): Promise<Taken> => {
  const [started, before] = [performance.now(), process.cpuUsage()]
  await run()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - started) / 1000, processor: (user + system) / 1e6 }
}

/** The ceiling: one square product of 1536. */
const ceiling = async (): Promise<Contestant> => {
  const n = 1536
  const [a, b] = ['a', 'b'].map((name) => input(name, 'float32', [n, n]))
  const file = encode({ outputs: { c: matMul(a, b) }, parameters: 'inputs' })
  const session = right(await openSession(file, { threads })())
  const feeds = { a: float32([n, n], noise(n * n)), b: float32([n, n], noise(n * n)) }
  return {
    name: `MatMul ${n}³`,
    gigaflops: (2 * n ** 3) / 1e9,
    run: () => timed(async () => right(await session.run(feeds)())),
  }
}

const names = realisticNames(values.models)
const ways = values.eager ? (['eager'] as const) : (['eager', 'compiled'] as const)
const peer =
  values.python === undefined
    ? undefined
    : await torch(
        values.python,
        threads,
        Object.fromEntries(
          names.flatMap((name) =>
            ways.map((way) => [
              `${name} ${way}`,
              {
                model: realistic[name].model,
                batch: realistic[name].batch,
                way: 'plain',
                compiled: way === 'compiled',
                average: false,
              },
            ]),
          ),
        ),
      )

/** A model in deriva, and in PyTorch where there is one. */
const contestants = async (name: RealisticName): Promise<ReadonlyArray<Contestant>> => {
  const { label, batch } = realistic[name]
  const model = realisticModel(name)
  // A backward pass costs twice the forward one; the optimizer is not counted as useful work.
  const gigaflops = (3 * batch * flopsPerSample(model)) / 1e9
  const step = await opened(stepOf(model, batch), threads)
  const size = `${(parameterCount(model) / 1e6).toFixed(1)} M`
  return [
    { name: `${label}, ${size}, batch ${batch}`, gigaflops, run: () => timed(step.run) },
    ...(peer === undefined
      ? []
      : ways.map((way) => ({
          name: `  PyTorch ${peer.version}, ${way}`,
          gigaflops,
          run: () => peer.step(`${name} ${way}`),
        }))),
  ]
}

const all: Contestant[] = [await ceiling()]
for (const name of names) all.push(...(await contestants(name)))

const taken = all.map((): Taken[] => [])
// Interleaved, the first round uncounted: machines drift.
for (let round = 0; round <= rounds; round++)
  for (const [i, { run }] of all.entries()) {
    const one = await run()
    if (round > 0) taken[i].push(one)
  }
peer?.end()

const least = (i: number, of: keyof Taken): number => Math.min(...taken[i].map((one) => one[of]))
const rates = all.map(({ gigaflops }, i) => gigaflops / median(taken[i].map(({ seconds }) => seconds)))
let own = 0
const rows = all.map(({ name, gigaflops }, i) => {
  const isPeer = name.startsWith(' ')
  if (!isPeer) own = i
  // Round by round, so that what disturbs the machine disturbs both.
  const ratio = median(taken[i].map(({ seconds }, round) => seconds / taken[own][round].seconds))
  return {
    name,
    GFLOP: Number(gigaflops.toFixed(1)),
    'ms (median)': Number(((1000 * gigaflops) / rates[i]).toFixed(1)),
    'ms (least)': Number((1000 * least(i, 'seconds')).toFixed(1)),
    'processor ms (least)': Number((1000 * least(i, 'processor')).toFixed(1)),
    'GFLOP/s': Number(rates[i].toFixed(1)),
    'of the ceiling': `${((100 * rates[i]) / rates[0]).toFixed(0)} %`,
    'deriva is': isPeer ? `× ${ratio.toFixed(2)}` : '',
    least: isPeer ? `× ${(least(i, 'seconds') / least(own, 'seconds')).toFixed(2)}` : '',
    // On a busy machine the fairest; with more than one thread, threads that wait for others count too.
    processor: isPeer ? `× ${(least(i, 'processor') / least(own, 'processor')).toFixed(2)}` : '',
  }
})
console.log(`${cpus()[0].model}, ${threads} threads, Node ${process.version}, ${rounds} rounds, interleaved`)
console.table(rows)
writeFileSync(new URL('train-step.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
