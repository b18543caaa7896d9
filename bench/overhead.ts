/**
 * What share of a training step is deriva's own code? Whole steps of scheduled sampling are timed together with the time that passes
 * within ONNX Runtime; what is left is planning, drawing noise, packing, mixing, streams and copies. And how long is it from the start
 * of a process to its first step? That process runs the built package, as a user's does; several are started, and the quickest counts.
 *
 *     npx tsx --tsconfig tsconfig.json bench/overhead.ts [--rounds 15] [--starts 5] [--models demo,dit]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { InferenceSession } from 'onnxruntime-node'
import { parameterCount } from 'deriva/model'
import { median, realistic, realisticModel, type RealisticName, realisticNames } from './realistic.js'
import { sampledSteps } from './sampled-steps.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '15' },
    starts: { type: 'string', default: '5' },
    models: { type: 'string', default: 'demo,dit' },
  },
})
const rounds = Number(values.rounds)

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

const root = fileURLToPath(new URL('..', import.meta.url))

/** The program of a first step as JavaScript, which imports `deriva/…` from the built package. */
const built = (): string => {
  execFileSync('npm', ['run', 'build'], { cwd: root, stdio: 'ignore' })
  const options = ['--bundle', '--packages=external', '--platform=node', '--format=esm', '--tsconfig-raw={}']
  const entry = fileURLToPath(new URL('first-step.ts', import.meta.url))
  return execFileSync('npx', ['esbuild', entry, ...options], { cwd: root, encoding: 'utf8' })
}

/** Seconds of a process that takes one step: from its start until everything is compiled, of processor time until then, and to the end. */
type Start = { readonly ready: number; readonly processor: number; readonly done: number }

const start = (program: string, name: RealisticName): Start =>
  JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-', name], {
      cwd: root,
      encoding: 'utf8',
      input: program,
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  ) as Start

const firstStep = built()
const rows: Array<Readonly<Record<string, string | number>>> = []
for (const name of realisticNames(values.models)) {
  const starts = Array.from({ length: Number(values.starts) }, () => start(firstStep, name))
  const quickest = (of: keyof Start): number => Number(Math.min(...starts.map((one) => one[of])).toFixed(2))
  const step = await sampledSteps(name)
  const taken: Array<{ readonly whole: number; readonly own: number; readonly evaluations: number }> = []
  // The first round uncounted.
  for (let round = 0; round <= rounds; round++) {
    within = 0
    const started = performance.now()
    const { evaluations } = await step(round)
    const whole = (performance.now() - started) / 1000
    if (round > 0) taken.push({ whole, own: whole - within, evaluations })
  }
  rows.push({
    model: `${realistic[name].label}, ${(parameterCount(realisticModel(name)) / 1e6).toFixed(1)} M, batch ${realistic[name].batch}`,
    'evaluations in rollouts': Number(median(taken.map(({ evaluations }) => evaluations)).toFixed(0)),
    'step ms': Number((1000 * median(taken.map(({ whole }) => whole))).toFixed(1)),
    'of it deriva ms': Number((1000 * median(taken.map(({ own }) => own))).toFixed(1)),
    share: `${(100 * median(taken.map(({ whole, own }) => own / whole))).toFixed(1)} %`,
    'until the first step s': quickest('ready'),
    'processor time until then s': quickest('processor'),
    'with it s': quickest('done'),
  })
  console.error(JSON.stringify(rows.at(-1)))
}
console.log(
  `${cpus()[0].model}, ${availableParallelism()} threads, Node ${process.version}, ${rounds} rounds; rollouts of up to 10 steps, probability 0.5`,
)
console.table(rows)
writeFileSync(new URL('overhead.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
