/**
 * How close does a training step come to the machine's arithmetic, and to PyTorch? Times whole steps (forward, backward, clipping,
 * AdamW) of models of a realistic size in turn with a plain large MatMul and, where a Python with torch is given, with the same
 * models in PyTorch, eager and compiled, on as many threads. bench/pytorch/train_step.py says how to install that.
 *
 *     npx tsx bench/train-step.ts [--rounds 7] [--models dit,unet,demo] [--threads 2] [--python PATH]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { openSession } from 'deriva/engine'
import { flopsPerSample, parameterCount } from 'deriva/model'
import { encode, input, matMul } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { openPeer } from './pytorch/peer.js'
import { noise, opened, realistic, type RealisticName, right, stepOf } from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    models: { type: 'string', default: 'dit,unet,demo' },
    threads: { type: 'string', default: String(availableParallelism()) },
    python: { type: 'string' },
  },
})
const [rounds, threads] = [Number(values.rounds), Number(values.threads)]

const median = (xs: ReadonlyArray<number>): number => xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]

/** What takes part, the work of a run in GFLOP, and the seconds of one. */
type Contestant = { readonly name: string; readonly gigaflops: number; readonly run: () => Promise<number> }

const timed = async (run: () => Promise<unknown>): Promise<number> => {
  const started = performance.now()
  await run()
  return (performance.now() - started) / 1000
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

const peer = values.python === undefined ? undefined : openPeer(values.python, threads)

/** A model in deriva, and in PyTorch where there is one. */
const contestants = async (key: RealisticName): Promise<ReadonlyArray<Contestant>> => {
  const { label, batch, build } = realistic[key]
  const model = build()
  // A backward pass costs twice the forward one; the optimizer is not counted as useful work.
  const gigaflops = (3 * batch * flopsPerSample(model)) / 1e9
  const step = await opened(stepOf(model, batch), threads)
  const size = `${(parameterCount(model) / 1e6).toFixed(1)} M`
  const others = peer === undefined ? [] : (['eager', 'compiled'] as const)
  return [
    { name: `${label}, ${size}, batch ${batch}`, gigaflops, run: () => timed(step.run) },
    ...others.map((how) => ({
      name: `  PyTorch, ${how}`,
      gigaflops,
      run: async () => (await peer?.run(key, how))?.seconds ?? NaN,
    })),
  ]
}

const names = values.models.split(',').filter((name): name is RealisticName => name in realistic)
const all: Contestant[] = [await ceiling()]
for (const name of names) all.push(...(await contestants(name)))

const seconds = all.map((): number[] => [])
// Interleaved, the first round uncounted: machines drift.
for (let round = 0; round <= rounds; round++)
  for (const [i, { run }] of all.entries()) {
    const taken = await run()
    if (round > 0) seconds[i].push(taken)
  }
peer?.close()

const rates = all.map(({ gigaflops }, i) => gigaflops / median(seconds[i]))
let own = 0
const rows = all.map(({ name, gigaflops }, i) => {
  const isPeer = name.startsWith(' ')
  if (!isPeer) own = i
  // Round by round, so that what disturbs the machine disturbs both.
  const ratio = median(seconds[i].map((taken, round) => taken / seconds[own][round]))
  return {
    name,
    GFLOP: Number(gigaflops.toFixed(1)),
    'ms (median)': Number((1000 * median(seconds[i])).toFixed(1)),
    'GFLOP/s': Number(rates[i].toFixed(1)),
    'of the ceiling': `${((100 * rates[i]) / rates[0]).toFixed(0)} %`,
    'deriva is': isPeer ? `× ${ratio.toFixed(2)}` : '',
  }
})
console.log(`${cpus()[0].model}, ${threads} threads, Node ${process.version}, ${rounds} rounds, interleaved`)
console.table(rows)
writeFileSync(new URL('train-step.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
