import { pipe } from 'fp-ts/lib/function.js'
import * as R from 'fp-ts/lib/Record.js'
import type { Program } from '../solver/index.js'
import { type Conditioning, float32, headRows, takeRows } from '../types/index.js'
import { pack } from './packing.js'
import { mixRegisters, openRegisters } from './registers.js'

/** Writes the standard normal noise that sample number `sample` of the batch mixes in after its evaluation number `evaluation`. */
export type FreshNoise = (sample: number, evaluation: number, out: Float32Array) => void

/** What a flight asks next: the model's predictions for the samples that are still moving. */
export type Inquiry = {
  /** [count, …sample]; valid until the answer is given. */
  readonly latents: Float32Array
  /** [count] */
  readonly timesteps: Float32Array
  readonly conditioning: Conditioning
  /** How many evaluations came before this one. */
  readonly evaluation: number
  /** Where every sample of the batch stands now: [batch, …sample], in the order given, a copy. */
  readonly snapshot: () => Float32Array
}

export type Trajectories = {
  /** Where every sample arrived: [batch, …sample], in the order given. */
  readonly latents: Float32Array
  /** All registers, the latents first, each [batch, …sample] in the order given: where a program may be taken up again. */
  readonly registers: () => ReadonlyArray<Float32Array>
  /** Sample evaluations spent: exactly the sum of the programs' lengths. */
  readonly evaluations: number
}

/**
 * One program a sample, all of them together, as a generator of inquiries: it never calls a model, so whoever drives it decides
 * whether that happens in a promise, a stream or a test. Every inquiry carries the samples that are still moving, whatever their
 * time, length or solver; a sample's trajectory depends on nothing but its own row, program, conditioning and noise.
 *
 * @param latents where each sample starts, [programs.length, …sample]; not changed
 * @param noise needed by programs that mix in noise, and only by them
 * @example
 * const one = program(euler(), flow(), 'flow_matching', trailing(flow(), 4))
 * const inquiries = flight([one, one], Float32Array.of(0.3, -1.2), {})
 * let turn = inquiries.next()
 * while (turn.done !== true) turn = inquiries.next(turn.value.latents.map((x) => -x))
 * const { latents } = turn.value
 */
export function* flight(
  programs: ReadonlyArray<Program>,
  latents: Float32Array,
  conditioning: Conditioning,
  noise?: FreshNoise,
): Generator<Inquiry, Trajectories, Float32Array> {
  const { order, active } = pack(programs.map(({ evaluations }) => evaluations.length))
  const packed = Array.from(order, (i) => programs[i])
  const elements = latents.length / Math.max(1, programs.length)
  const moving = takeRows(float32([programs.length, elements], latents), order)
  const registers = openRegisters(moving.data, elements, Math.max(1, ...programs.map((p) => p.registers)))
  const given = pipe(
    conditioning,
    R.map((tensor) => takeRows(tensor, order)),
  )
  const stochastic = packed.some((p) => p.noise)
  if (stochastic && noise === undefined) throw new Error('a program mixes in noise, and no noise was given')
  const fresh = stochastic ? new Float32Array(latents.length) : undefined

  const places = new Uint32Array(order.length)
  order.forEach((sample, place) => (places[sample] = place))
  const inOrder = (data: Float32Array): Float32Array =>
    takeRows(float32([programs.length, elements], data), places).data
  const snapshot = (): Float32Array => inOrder(moving.data)

  for (const [j, count] of active.entries()) {
    const now = packed.slice(0, count).map(({ evaluations }) => evaluations[j])
    const output = yield {
      latents: moving.data.subarray(0, count * elements),
      timesteps: Float32Array.from(now, ({ at }) => at.timestep),
      conditioning: pipe(
        given,
        R.map((tensor) => headRows(tensor, count)),
      ),
      evaluation: j,
      snapshot,
    }
    for (let i = 0; fresh !== undefined && i < count; i++)
      if (packed[i].noise) noise?.(order[i], j, fresh.subarray(i * elements, (i + 1) * elements))
    const mixings = now.map(({ mix }, i) => ({ registers: packed[i].registers, mix }))
    mixRegisters(registers, output, mixings, fresh)
  }
  return {
    latents: snapshot(),
    registers: () => registers.planes.map(inOrder),
    evaluations: active.reduce((a, b) => a + b, 0),
  }
}
