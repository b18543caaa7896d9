/**
 * How close does a training step come to the machine's arithmetic? Times whole steps (forward, backward, clipping, AdamW, average)
 * of the demo's model and a diffusion transformer in turn with a plain large MatMul, on the same threads.
 *
 *     npx tsx bench/train-step.ts [--rounds 7]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { openSession } from 'deriva/engine'
import { mse } from 'deriva/loss'
import { dit, flopsPerSample, type Model, unet } from 'deriva/model'
import { encode, input, matMul } from 'deriva/onnx'
import { normal } from 'deriva/random'
import { adamw, type Lesson, trainer } from 'deriva/train'
import { float32, int64, size } from 'deriva/types'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' } } })
const rounds = Number(values.rounds)

const right = <A>(either: E.Either<{ readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(either.left.message)
  return either.right
}
const noise = (n: number): Float32Array =>
  normal({ seed: 1, purpose: 'data', step: 0, sample: 0 }, new Float32Array(n))
const median = (xs: ReadonlyArray<number>): number => xs.toSorted((a, b) => a - b)[Math.floor(xs.length / 2)]

type Contestant = { readonly name: string; readonly gigaflops: number; readonly run: () => Promise<unknown> }

/** The ceiling: one square product of 1536. */
const ceiling = async (): Promise<Contestant> => {
  const n = 1536
  const [a, b] = ['a', 'b'].map((name) => input(name, 'float32', [n, n]))
  const session = right(await openSession(encode({ outputs: { c: matMul(a, b) }, parameters: 'inputs' }))())
  const feeds = { a: float32([n, n], noise(n * n)), b: float32([n, n], noise(n * n)) }
  return { name: `MatMul ${n}³`, gigaflops: (2 * n ** 3) / 1e9, run: session.run(feeds) }
}

const step = async (name: string, model: Model<'flow_matching'>, batchSize: number): Promise<Contestant> => {
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
  const latents = noise(batchSize * size(model.sample))
  const lesson: Lesson = {
    latents,
    target: latents,
    x0: latents,
    clean: latents,
    timesteps: Float32Array.from({ length: batchSize }, (_, i) => (1000 * (i + 1)) / batchSize),
    rolled: new Float32Array(batchSize),
    conditioning: {
      label: int64(
        [batchSize],
        Array.from({ length: batchSize }, (_, i) => i % 10),
      ),
    },
  }
  // A backward pass costs twice the forward one; the optimizer is not counted as useful work.
  const gigaflops = (3 * batchSize * flopsPerSample(model)) / 1e9
  return { name: `${name}, batch ${batchSize}`, gigaflops, run: compiled.descend(compiled.initial, lesson) }
}

const digits = { parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 } as const
const contestants = [
  await ceiling(),
  await step('UNet of the demo', unet({ ...digits, width: 24, levels: 2, heads: 0 }), 32),
  await step('DiT 4×128', dit({ ...digits, patch: 4, width: 128, depth: 4, heads: 4 }), 64),
  await step('DiT 4×384', dit({ ...digits, patch: 4, width: 384, depth: 4, heads: 6 }), 32),
]
const seconds = contestants.map((): number[] => [])
// Interleaved, the first round uncounted: machines drift.
for (let round = 0; round <= rounds; round++)
  for (const [i, { run }] of contestants.entries()) {
    const started = performance.now()
    await run()
    if (round > 0) seconds[i].push((performance.now() - started) / 1000)
  }
const rates = contestants.map(({ gigaflops }, i) => gigaflops / median(seconds[i]))
const rows = contestants.map(({ name, gigaflops }, i) => ({
  name,
  GFLOP: Number(gigaflops.toFixed(2)),
  'ms (median)': Number((1000 * median(seconds[i])).toFixed(1)),
  'GFLOP/s': Number(rates[i].toFixed(1)),
  'of the ceiling': `${((100 * rates[i]) / rates[0]).toFixed(0)} %`,
}))
console.log(
  `${cpus()[0].model}, ${availableParallelism()} threads, Node ${process.version}, ${rounds} rounds`,
)
console.table(rows)
writeFileSync(new URL('train-step.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
