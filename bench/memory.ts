/**
 * How much memory does a training step take, what does checkpointing save, and what does PyTorch need? Every case is a process of its
 * own, whose largest resident size the operating system tells; what grows with the batch is what it takes above a batch of 1.
 *
 *     npx tsx --tsconfig tsconfig.json bench/memory.ts [--batch 16] [--steps 3] [--models dit,unet] [--python PATH]
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { torch, type TorchStep } from './pytorch/child.js'
import {
  median,
  opened,
  realistic,
  realisticModel,
  type RealisticName,
  realisticNames,
  stepOf,
} from './realistic.js'

const { values } = parseArgs({
  options: {
    batch: { type: 'string', default: '16' },
    steps: { type: 'string', default: '3' },
    models: { type: 'string', default: 'dit,unet' },
    python: { type: 'string' },
    case: { type: 'string' },
  },
})

/** Ways to run a step: none, or so many segments at most. */
const ways = { 'all kept': false, checkpointing: true, '4 segments': 4 } as const

type Case = { readonly model: RealisticName; readonly batch: number; readonly way: keyof typeof ways }
type Measured = { readonly mebibytes: number; readonly seconds: number }

/** Runs one case in this process. */
const measured = async ({ model, batch, way }: Case): Promise<Measured> => {
  const { run } = await opened(stepOf(realisticModel(model), batch, { checkpointing: ways[way] }))
  const seconds: number[] = []
  for (let i = 0; i < Number(values.steps); i++) {
    const started = performance.now()
    await run()
    seconds.push((performance.now() - started) / 1000)
    // What the step gave back, so that it is not counted beside what the next gives.
    globalThis.gc?.()
  }
  return { mebibytes: process.resourceUsage().maxRSS / 1024, seconds: median(seconds) }
}

/** Told as soon as it is known: all of them take minutes. */
const told = <A extends Measured>(what: string, measurement: A): A => {
  console.error(`${what}: ${measurement.mebibytes.toFixed(0)} MiB, ${measurement.seconds.toFixed(2)} s`)
  return measurement
}

/** Runs one case in a process of its own. */
const apart = (one: Case): Measured => {
  const printed = JSON.parse(
    execFileSync(
      process.execPath,
      [
        ...process.execArgv,
        '--expose-gc',
        fileURLToPath(import.meta.url),
        `--case=${JSON.stringify(one)}`,
        `--steps=${values.steps}`,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
    ),
  ) as Measured
  return told(`${one.model}, batch ${one.batch}, ${one.way}`, printed)
}

/** The same step in PyTorch, in a process of its own too. */
const torchStep = async (python: string, model: RealisticName, batch: number) => {
  const peer = await torch(python, availableParallelism(), {
    step: { model: realistic[model].model, batch, way: 'plain', average: false },
  })
  const steps: TorchStep[] = []
  for (let i = 0; i < Number(values.steps); i++) steps.push(await peer.step('step'))
  peer.end()
  const seconds = median(steps.map((step) => step.seconds))
  const way = `PyTorch ${peer.version}`
  return told(`${model}, batch ${batch}, ${way}`, {
    way,
    mebibytes: steps[steps.length - 1].mebibytes,
    seconds,
  })
}

const inTorch = async (python: string, model: RealisticName, batch: number) => {
  const { mebibytes: base } = await torchStep(python, model, 1)
  return { ...(await torchStep(python, model, batch)), base }
}

if (values.case !== undefined) {
  console.log(JSON.stringify(await measured(JSON.parse(values.case) as Case)))
} else {
  const batch = Number(values.batch)
  const models = realisticNames(values.models)
  const rows: Array<Readonly<Record<string, string | number>>> = []
  for (const model of models) {
    const one = apart({ model, batch: 1, way: 'all kept' })
    const found = (Object.keys(ways) as ReadonlyArray<keyof typeof ways>).map((way) => ({
      way,
      base: one.mebibytes,
      ...apart({ model, batch, way }),
    }))
    const [kept] = found
    const peers = values.python === undefined ? [] : [await inTorch(values.python, model, batch)]
    for (const { way, base, mebibytes, seconds } of [...found, ...peers])
      rows.push({
        model: `${realistic[model].label}, batch ${batch}`,
        activations: way,
        'peak MiB': Math.round(mebibytes),
        'above batch 1': Math.round(mebibytes - base),
        'of all kept': `${((100 * (mebibytes - base)) / (kept.mebibytes - one.mebibytes)).toFixed(0)} %`,
        's (median)': Number(seconds.toFixed(2)),
        time: `× ${(seconds / kept.seconds).toFixed(2)}`,
      })
  }
  console.log(`${cpus()[0].model}, ${availableParallelism()} threads, Node ${process.version}`)
  console.table(rows)
  writeFileSync(new URL('memory.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
}
