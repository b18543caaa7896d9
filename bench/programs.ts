/**
 * What do solvers cost beside the model? Times the making of programs, and the mixing of registers as a share of a rollout with the
 * demo's model.
 *
 *     npx tsx bench/programs.ts
 */
import { writeFileSync } from 'node:fs'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { unet } from 'deriva/model'
import { leaves } from 'deriva/onnx'
import { flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { type Denoiser, flight, rollout } from 'deriva/rollout'
import { program, unipc, unitSteps } from 'deriva/solver'
import { modelDenoiser, type Parameters } from 'deriva/train'
import { int64 } from 'deriva/types'
import { median } from './realistic.js'

const path = flow()
const timed = (work: () => void): number => {
  const started = performance.now()
  work()
  return performance.now() - started
}

/** 1,000 samples, each with 20 evaluations of its own. */
const thousand = (solver: ReturnType<typeof unipc>): number =>
  timed(() => {
    for (let t = 1; t <= 1000; t++)
      program(solver, path, 'flow_matching', unitSteps(path, Math.min(1000, t + 20), Math.min(980, t)))
  })
// A solver's programs are remembered by solver: a fresh one has to make all of them.
const cold = Array.from({ length: 5 }, () => thousand(unipc({ order: 3 })))
const solver = unipc({ order: 3 })
thousand(solver)
const warm = Array.from({ length: 5 }, () => thousand(solver))

/** A rollout as training runs it: batch 32, up to 10 steps, the demo's model; time inside the model against the whole. */
const model = unet({
  parameterisation: 'flow_matching',
  sample: [1, 28, 28],
  classes: 10,
  seed: 1,
  width: 24,
  levels: 2,
  heads: 0,
})
const parameters: Parameters = Object.fromEntries(
  leaves([model.prediction]).flatMap(({ node }) =>
    node.kind === 'parameter' && node.initial.type === 'float32' ? [[node.name, node.initial]] : [],
  ),
)
const made = await modelDenoiser(model)()
if (E.isLeft(made)) throw new Error(made.left.message)
const inner = made.right(parameters)
let inModel = 0
const denoiser: Denoiser<'flow_matching'> = {
  ...inner,
  predict: (...asked) =>
    pipe(
      TE.fromIO(() => performance.now()),
      TE.chain((started) =>
        pipe(
          inner.predict(...asked),
          TE.map((out) => {
            inModel += performance.now() - started
            return out
          }),
        ),
      ),
    ),
}
const batch = 32
const noise = normal({ seed: 1, purpose: 'noise', step: 0, sample: 0 }, new Float32Array(batch * 784))
const canned = new Float32Array(batch * 784).fill(0.1)
const programs = Array.from({ length: batch }, (_, i) =>
  program(solver, path, 'flow_matching', unitSteps(path, 500 + (i % 11), 500)),
)
/** The same trajectories with outputs that cost nothing: packing and mixing alone. */
const mixing = (): number =>
  timed(() => {
    const inquiries = flight(programs, noise, { label: int64([batch], new Array<number>(batch).fill(3)) })
    let turn = inquiries.next()
    while (turn.done !== true) turn = inquiries.next(canned.subarray(0, turn.value.latents.length))
  })
const shares: number[] = []
const mixes: number[] = []
for (let round = 0; round < 60; round++) {
  inModel = 0
  const started = performance.now()
  await rollout(path, solver)(denoiser, {
    x0: noise,
    noise,
    spans: Array.from({ length: batch }, (_, i) => ({
      source: 500 + (i % 11),
      target: 500,
      grid: unitSteps(path, 500 + (i % 11), 500),
      from: 'noised' as const,
    })),
    conditioning: { label: int64([batch], new Array<number>(batch).fill(3)) },
  })()
  const whole = performance.now() - started
  // The first half warms up the compiler, as the first steps of a training do.
  const mixed = mixing()
  if (round >= 30) {
    shares.push((whole - inModel) / whole)
    mixes.push(mixed / whole)
  }
}

const rows = [
  { what: '1,000 programs × 20 evaluations of UniPC-3, made', median: `${median(cold).toFixed(1)} ms` },
  { what: 'the same, remembered', median: `${median(warm).toFixed(1)} ms` },
  {
    what: "packing and mixing, share of a rollout with the demo's model",
    median: `${(100 * median(mixes)).toFixed(2)} %`,
  },
  {
    what: "everything but the model, share of a rollout with the demo's model",
    median: `${(100 * median(shares)).toFixed(2)} %`,
  },
]
console.table(rows)
writeFileSync(new URL('programs.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
