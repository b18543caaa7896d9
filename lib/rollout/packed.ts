import { concat, gather, input, matMul, reshape, slice, type Value } from '../onnx/index.js'
import type { Program, UnrolledShape } from '../solver/index.js'
import { type Conditioning, float32, int64, size } from '../types/index.js'
import type { FreshNoise } from './flight.js'
import { demandRoom, placeMix, registersInGraph } from './unrolled.js'

/** How much room a graph has for packed programs. */
export type PackedShape = UnrolledShape & {
  /** Whether programs mix in noise. */
  readonly noise: boolean
}

/** The names that packed programs are fed under, of an evaluation j each. */
const packedInputs = {
  /** Who takes part: [rows]. */
  rows: (j: number): string => `rollout/rows/${j}`,
  /** Where the registers of each sample are afterwards, among those before it and the rows behind them: [batch]. */
  places: (j: number): string => `rollout/places/${j}`,
  /** [rows] */
  timesteps: (j: number): string => `rollout/timesteps/${j}`,
  /** [rows, registers, registers + 1, or + 2 with noise] */
  mixes: (j: number): string => `rollout/mixes/${j}`,
  /** [rows, 1, elements] */
  noise: (j: number): string => `rollout/noise/${j}`,
} as const

const columnsOf = ({ registers, noise }: PackedShape): number => registers + (noise ? 2 : 1)

/** Asks a model about some samples of a batch: latents [rows, …sample], timesteps [rows], and which samples these are, [rows] int64. */
export type AskRows = (latents: Value, timesteps: Value, rows: Value) => Value

/**
 * Rollouts as a part of a graph, with what the flight of a packed batch saves: an evaluation is made for those samples only that are
 * still on their way, whose numbers are an input. How many that are differs from run to run, so the model's batch is a symbol here.
 * Not made to be differentiated: see `unrolled`.
 *
 * Inputs are those of `packedFeeds`.
 *
 * @param start where samples depart from: [batch, …sample]
 * @param fed an input by name
 * @returns where they arrive: [batch, …sample]
 * @example
 * const start = input('start', 'float32', [16, 2])
 * const arrived = packedInGraph((x) => neg(x), start, { evaluations: 10, registers: 1, noise: false })
 */
export const packedInGraph = (
  ask: AskRows,
  start: Value,
  shape: PackedShape,
  fed: typeof input = input,
): Value => {
  const [batch, ...rest] = start.shape
  const sample = rest.map(Number)
  const elements = size(sample)
  const { evaluations, registers, noise } = shape
  const latentsOf = (state: Value): Value => reshape(slice(state, [0], [1], [1]), [0, ...sample])
  let state = registersInGraph(start, registers, elements)
  for (let j = 0; j < evaluations; j++) {
    const count = `rows${j}`
    const rows = fed(packedInputs.rows(j), 'int64', [count])
    const own = gather(state, rows)
    const output = ask(latentsOf(own), fed(packedInputs.timesteps(j), 'float32', [count]), rows)
    const operands = [
      own,
      reshape(output, [0, 1, elements]),
      ...(noise ? [fed(packedInputs.noise(j), 'float32', [count, 1, elements])] : []),
    ]
    const mixes = fed(packedInputs.mixes(j), 'float32', [count, registers, columnsOf(shape)])
    const moved = matMul(mixes, concat(operands, 1))
    state = gather(concat([state, moved], 0), fed(packedInputs.places(j), 'int64', [batch]))
  }
  return latentsOf(state)
}

/**
 * These programs, one a sample, as `packedInGraph` takes them. An evaluation in which nobody takes part is made for one sample, and
 * changes nothing: a graph that does not ask its model is another graph.
 *
 * @param elements of a sample
 * @param fresh needed by programs that mix in noise
 * @throws RangeError where a program does not fit
 * @example
 * const one = program(euler(), flow(), 'flow_matching', unitSteps(flow(), 510, 500))
 * const feeds = packedFeeds([one, one], 784, { evaluations: 10, registers: 1, noise: false })
 */
export const packedFeeds = (
  programs: ReadonlyArray<Program>,
  elements: number,
  shape: PackedShape,
  fresh?: FreshNoise,
): Conditioning => {
  const { evaluations, registers, noise } = shape
  const columns = columnsOf(shape)
  const matrix = registers * columns
  for (const program of programs) demandRoom(program, shape)
  const feeds = Array.from({ length: evaluations }, (_, j): Conditioning => {
    const moving = [...programs.keys()].filter((i) => programs[i].evaluations.length > j)
    const rows = moving.length === 0 ? [0] : moving
    const places = Array.from(programs.keys())
    moving.forEach((i, place) => (places[i] = programs.length + place))
    const timesteps = new Float32Array(rows.length)
    const mixes = new Float32Array(rows.length * matrix)
    const drawn = new Float32Array(noise ? rows.length * elements : 0)
    rows.forEach((i, place) => {
      const evaluation = j < programs[i].evaluations.length ? programs[i].evaluations[j] : undefined
      timesteps[place] = evaluation?.at.timestep ?? 0
      placeMix(programs[i], evaluation, { registers, columns }, mixes, place * matrix)
      if (noise && evaluation !== undefined && programs[i].noise)
        fresh?.(i, j, drawn.subarray(place * elements, (place + 1) * elements))
    })
    return {
      [packedInputs.rows(j)]: int64([rows.length], rows),
      [packedInputs.places(j)]: int64([programs.length], places),
      [packedInputs.timesteps(j)]: float32([rows.length], timesteps),
      [packedInputs.mixes(j)]: float32([rows.length, registers, columns], mixes),
      ...(noise ? { [packedInputs.noise(j)]: float32([rows.length, 1, elements], drawn) } : {}),
    }
  })
  return Object.fromEntries(feeds.flatMap(Object.entries<Conditioning[string]>))
}
