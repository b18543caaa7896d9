import type { Path } from '../../path/index.js'
import {
  add,
  cast,
  clip,
  constant,
  floor,
  gather,
  log,
  min,
  mul,
  round,
  sub,
  toNumbers,
  topological,
  type Value,
} from '../../onnx/index.js'
import { type ElementType, float32 } from '../../types/index.js'
import type { TimeConvention } from './time-convention.js'

/** Log signal-to-noise ratios beyond these say no more, and are no numbers at the ends of a path. */
const largestLogSnr = 20

const logSnr = ({ at, timesteps, noisiest }: Path, timestep: Value): Value => {
  const last = Math.ceil(noisiest.timestep)
  const table = constant(
    float32(
      [last + 1],
      Array.from({ length: last + 1 }, (_, t) => {
        const { alpha, sigma } = at(Math.min(t, noisiest.timestep))
        const ratio = 2 * Math.log(alpha / sigma)
        return Math.max(-largestLogSnr, Math.min(largestLogSnr, ratio))
      }),
    ),
    `log_snr_of_${timesteps}`,
  )
  const inside = clip(timestep, 0, last)
  const below = floor(inside)
  const [low, high] = [below, min(add(below, 1), last)].map((t) => gather(table, cast(t, 'int64')))
  return add(low, mul(sub(inside, below), sub(high, low)))
}

/** The straight path has a closed form, which is exact between timesteps too. */
const flowLogSnr = (timestep: Value): Value => {
  const edge = 1 / (1 + Math.exp(largestLogSnr / 2))
  const sigma = clip(mul(timestep, 1e-3), edge, 1 - edge)
  return mul(sub(log(sub(1, sigma)), log(sigma)), 2)
}

const told: { readonly [C in TimeConvention]: (timestep: Value, path: Path) => Value } = {
  timestep: (timestep) => timestep,
  sigma: (timestep) => mul(timestep, 1e-3),
  data_share: (timestep) => sub(1, mul(timestep, 1e-3)),
  log_snr: (timestep, path) => (path.family === 'flow' ? flowLogSnr(timestep) : logSnr(path, timestep)),
}

/**
 * A timestep, 0 … 1000, as a model wants to be told it. Whole numbers are the nearest.
 *
 * @param type the element type of the model's input
 * @param path tells log signal-to-noise ratios, and is read for nothing else
 * @example
 * const sigma = toldTime('sigma', input('timestep', 'float32', ['batch']), 'float32', flow())
 */
export const toldTime = (
  convention: TimeConvention,
  timestep: Value,
  type: ElementType,
  path: Path,
): Value => {
  const time = told[convention](timestep, path)
  return type === 'float32' ? time : cast(type.includes('int') ? round(time) : time, type)
}

/** A constant as numbers, undefined for anything else. */
const numbersOf = (value: Value | undefined): Float64Array | undefined => {
  if (value?.node.kind === 'constant') return toNumbers(value.node.tensor)
  // Exporters write sinusoids' frequencies as float initializers too.
  return value?.node.kind === 'parameter' ? toNumbers(value.node.initial) : undefined
}

/**
 * Which convention a graph seems to follow: by the largest frequency of the sinusoids that its time is shown as. Models fed
 * 0 … 1000 have frequencies up to 1; those fed 0 … 1 up to about 1000, or multiply the time by that first.
 *
 * @param outputs of the graph
 * @param timestep its input
 * @returns undefined where there are no sinusoids, or none that tell
 * @example
 * const time = input('t', 'float32', ['batch'])
 * const angles = mul(reshape(time, [-1, 1]), constant(float32([1, 2], [1, 0.01])))
 * const convention = recognisedTime([sin(angles)], time) // 'timestep'
 */
export const recognisedTime = (
  outputs: ReadonlyArray<Value>,
  timestep: Value,
): 'timestep' | 'sigma' | undefined => {
  if (timestep.type.includes('int')) return 'timestep'
  const factors = new Map([[timestep.node, 1]])
  for (const node of topological(outputs)) {
    if (node.kind !== 'operator') continue
    const from = node.inputs.findIndex((x) => x !== undefined && factors.has(x.node))
    const source = node.inputs[from]?.node
    const factor = source === undefined ? undefined : factors.get(source)
    if (factor === undefined) continue
    switch (node.operator) {
      case 'Sin':
      case 'Cos':
        return factor <= 4 ? 'timestep' : factor >= 100 ? 'sigma' : undefined
      case 'Mul':
      case 'MatMul': {
        const other = numbersOf(node.inputs[1 - from])
        if (other !== undefined)
          factors.set(node, factor * other.reduce((m, x) => Math.max(m, Math.abs(x)), 0))
        break
      }
      case 'Div': {
        const other = numbersOf(node.inputs[1])
        if (from === 0 && other !== undefined) factors.set(node, factor / Math.abs(other[0]))
        break
      }
      case 'Cast':
      case 'Unsqueeze':
      case 'Reshape':
      case 'Expand':
      case 'Flatten':
      case 'Squeeze':
      case 'Transpose':
      case 'Slice':
      case 'Gather':
        factors.set(node, factor)
        break
      default:
    }
  }
  return undefined
}
