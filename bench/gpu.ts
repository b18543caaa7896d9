/**
 * Training steps a second on an NVIDIA card: DiTs of 33 M and 130 M weights in float32 (TF32 where the card has it) and in half precision,
 * on CUDA, step by step and as supersteps, and on WebGPU, in turn with PyTorch, eager and compiled, on the same card. Without a card, or
 * without the provider libraries, it says so and ends. docs/devices.md says what has to be installed, bench/pytorch how PyTorch is.
 *
 *     npx tsx --tsconfig tsconfig.json bench/gpu.ts [--eager-only] [--apart] [--rounds 10] [--batch 32] [--steps 32] [--models DiT-S/2,DiT-B/2] [--python .venv/bin/python]
 */
import { writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { chooseDevice, type Device, openEngine } from 'deriva/engine'
import { mse } from 'deriva/loss'
import { dit, inPrecision, type Model, parameterCount, type Precision } from 'deriva/model'
import { adamw, type Lesson, type Standing, superstep, trainerOn } from 'deriva/train'
import { int64, size } from 'deriva/types'
import { torch, type TorchContestant } from './pytorch/child.js'
import { median, noise, right } from './realistic.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    batch: { type: 'string', default: '32' },
    // Of a superstep.
    steps: { type: 'string', default: '32' },
    models: { type: 'string', default: 'DiT-S/2,DiT-B/2' },
    python: { type: 'string' },
    // Supersteps that do not join weights of one shape, beside those that do.
    apart: { type: 'boolean', default: false },
    // torch.compile takes a minute a model.
    'eager-only': { type: 'boolean', default: false },
  },
})
const [rounds, batchSize, steps] = [values.rounds, values.batch, values.steps].map(Number)

const shared = { sample: [4, 32, 32], classes: 10, patch: 2, depth: 12 } as const
const sizes = {
  'DiT-S/2': { ...shared, width: 384, heads: 6 },
  'DiT-B/2': { ...shared, width: 768, heads: 12 },
} as const
type Size = keyof typeof sizes

const chosen = values.models.split(',').map((text): Size => {
  const name = Object.keys(sizes).find((one): one is Size => one === text)
  if (name === undefined) throw new Error(`no model ${text}; there are ${Object.keys(sizes).join(' and ')}`)
  return name
})

/** A device with a card behind it, or why there is none. */
type Found = { readonly card: boolean; readonly reason: string }

const found = async (device: Device): Promise<Found> => {
  const chosen = await chooseDevice(device)()
  if (E.isLeft(chosen)) return { card: false, reason: chosen.left.message }
  const { reason } = chosen.right
  return { card: !reason.includes('computed by the CPU'), reason }
}

const modelOf = (name: Size, precision: Precision): Model<'flow_matching'> =>
  inPrecision(precision)(dit({ parameterisation: 'flow_matching', seed: 1, ...sizes[name] }))

const lessonOf = (): Lesson => {
  const latents = noise(batchSize * size(shared.sample))
  return {
    latents,
    target: latents,
    x0: latents,
    clean: new Float32Array(latents.length),
    timesteps: Float32Array.from({ length: batchSize }, (_, i) => (1000 * (i + 1)) / batchSize),
    rolled: new Float32Array(batchSize),
    given: {},
    conditioning: {
      label: int64(
        [batchSize],
        Array.from({ length: batchSize }, (_, i) => i % 10),
      ),
    },
  }
}

/** Who takes part, and how many steps a run of it takes. */
type Contestant = {
  readonly name: string
  readonly steps: number
  /** Seconds of a run. */
  readonly run: () => Promise<number>
  readonly end: () => Promise<void>
}

/** deriva on a device, one step a run, or several in one graph. */
const contestant = async (
  device: Device,
  name: Size,
  precision: Precision,
  together: number,
  joins: boolean,
): Promise<Contestant> => {
  const engine = openEngine({ device })
  const options = {
    model: modelOf(name, precision),
    loss: mse,
    optimizer: adamw({ learningRate: () => 1e-4 }),
    batchSize,
    maxGradientNorm: 1,
    lossScaling: precision === 'float16',
  }
  const lesson = lessonOf()
  const single = together === 1 ? right(await trainerOn(engine)(options)()) : undefined
  const several =
    together === 1 ? undefined : right(await superstep(engine)({ ...options, steps: together, joins })())
  let state: Standing | undefined = (single ?? several)?.initial
  const next = async (before: Standing): Promise<Standing> => {
    if (single !== undefined) return right(await single.descend(before, lesson)()).state
    const lessons = Array.from({ length: together }, () => ({ ...lesson, rollout: {} }))
    return several === undefined ? before : right(await several.descend(before, lessons)()).state
  }
  return {
    name: `deriva, ${device}, ${precision}${together === 1 ? '' : `, ${together} steps a run${joins ? '' : ', weights apart'}`}`,
    steps: together,
    run: async () => {
      if (state === undefined) throw new Error('there is nothing to train')
      const before = state
      const started = performance.now()
      state = await next(before)
      const seconds = (performance.now() - started) / 1000
      ;(single ?? several)?.release(before)()
      return seconds
    },
    end: async () => {
      right(await engine.close())
    },
  }
}

const cards = { cuda: await found('cuda'), webgpu: await found('webgpu') }
const lowOf: { readonly [D in keyof typeof cards]: Precision } = { cuda: 'bfloat16', webgpu: 'float16' }

/** All who take part with a model of this size. */
const contestants = async (name: Size): Promise<ReadonlyArray<Contestant>> => {
  const own: Contestant[] = []
  for (const device of ['cuda', 'webgpu'] as const)
    for (const precision of ['float32', lowOf[device]] as const)
      if (cards[device].card)
        for (const together of device === 'cuda' ? [1, steps] : [1])
          for (const joins of values.apart && together > 1 ? [true, false] : [true])
            own.push(await contestant(device, name, precision, together, joins))
  if (values.python === undefined || !cards.cuda.card) return own
  const ways = (['float32', 'bfloat16'] as const).flatMap((precision) =>
    (values['eager-only'] ? [false] : [false, true]).map((compiled) => {
      const asked: TorchContestant = {
        model: { type: 'dit', ...sizes[name] },
        batch: batchSize,
        way: 'plain',
        compiled,
        average: false,
        device: 'cuda',
        precision,
      }
      return [`${compiled ? 'compiled' : 'eager'}, ${precision}`, asked] as const
    }),
  )
  const peer = await torch(values.python, availableParallelism(), Object.fromEntries(ways))
  return [
    ...own,
    ...ways.map(([way], i) => ({
      name: `PyTorch ${peer.version}, ${way}`,
      steps: 1,
      run: () => peer.run(way),
      end: () => {
        if (i === 0) peer.end()
        return Promise.resolve()
      },
    })),
  ]
}

if (!cards.cuda.card && !cards.webgpu.card)
  console.log(`Skipped, since there is no card to measure on: ${cards.cuda.reason}; ${cards.webgpu.reason}`)
else {
  console.log(`${cpus()[0].model}, Node ${process.version}; ${cards.cuda.reason}; ${cards.webgpu.reason}`)
  const rows: Array<Readonly<Record<string, string | number>>> = []
  for (const name of chosen) {
    const all = await contestants(name)
    const seconds = all.map((): number[] => [])
    // Interleaved, the first round uncounted: it translates kernels, and torch.compile compiles.
    for (let round = 0; round <= rounds; round++)
      for (const [i, one] of all.entries()) {
        const taken = (await one.run()) / one.steps
        if (round > 0) seconds[i].push(taken)
        else console.error(`${name}, ${one.name}: ${(taken * one.steps).toFixed(1)} s for the first run`)
      }
    for (const one of all) await one.end()
    const weights = parameterCount(modelOf(name, 'float32')) / 1e6
    const own = all.map((one, i) => ({
      model: `${name}, ${weights.toFixed(0)} M, batch ${batchSize}`,
      name: one.name,
      'ms a step': Number((1000 * median(seconds[i])).toFixed(1)),
      'steps/s': Number((1 / median(seconds[i])).toFixed(2)),
    }))
    console.table(own)
    rows.push(...own)
  }
  writeFileSync(new URL('gpu.json', import.meta.url), `${JSON.stringify(rows, null, 2)}\n`)
}
