import { add, div, exp, mul, sqrt, sub, type Value } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import { type LossInputs, perElement, type Pointwise } from './loss.js'
import type { PerSample } from './weighted.js'

/** Where a Huber-like loss goes over from the square to the absolute value: one number > 0, or one a sample. */
export type Threshold = number | PerSample<Parameterisation>

/** √(e² + c²) − c, as e²/(√(e² + c²) + c): small errors are not lost between two large numbers. */
const bend = (inputs: LossInputs<Parameterisation>, c: Value | number): Value => {
  const error = sub(inputs.prediction, inputs.target)
  const squared = mul(error, error)
  const bound = typeof c === 'number' ? c ** 2 : mul(c, c)
  return div(squared, add(sqrt(add(squared, bound)), c))
}

const thresholdOf = (threshold: Threshold, inputs: LossInputs<Parameterisation>): Value | number =>
  typeof threshold === 'number' ? threshold : perElement(threshold(inputs), inputs.prediction)

/**
 * Pseudo-Huber loss as sd-scripts and SimpleTuner have it, elementwise with e = prediction − target:
 *
 *     2c·(√(e² + c²) − c)     ≈ e² for |e| ≪ c,  ≈ 2c·|e| for |e| ≫ c.
 *
 * @param threshold c, > 0
 * @example
 * const loss = mean('huber', huber(0.1))
 */
export const huber =
  (threshold: Threshold): Pointwise<Parameterisation> =>
  (inputs) => {
    const c = thresholdOf(threshold, inputs)
    return mul(typeof c === 'number' ? 2 * c : mul(2, c), bend(inputs, c))
  }

/**
 * Smooth L1 loss as sd-scripts and SimpleTuner have it, elementwise with e = prediction − target:
 *
 *     2·(√(e² + c²) − c)     ≈ e²/c for |e| ≪ c,  ≈ 2·|e| for |e| ≫ c.
 *
 * @param threshold c, > 0
 * @example
 * const loss = mean('smooth_l1', smoothL1(snrThreshold(0.1)))
 */
export const smoothL1 =
  (threshold: Threshold): Pointwise<Parameterisation> =>
  (inputs) =>
    mul(2, bend(inputs, thresholdOf(threshold, inputs)))

/**
 * c^(t/T): 1 at clean times, where details count, down to c in pure noise, where outliers do (sd-scripts' `exponential`;
 * Khrapov et al. 2024, arXiv 2403.16728).
 *
 * @param c 0 < c ≤ 1, the threshold at t = T
 * @example
 * const loss = mean('huber', huber(exponentialThreshold(0.1)))
 */
export const exponentialThreshold =
  (c: number, { timesteps = 1000 }: { readonly timesteps?: number } = {}): PerSample<Parameterisation> =>
  ({ timestep }) =>
    exp(mul(timestep, Math.log(c) / timesteps))

/**
 * (1 − c)/(1 + sigma/alpha)² + c: from 1 at clean times down to c where no data is left (sd-scripts' `snr`). sd-scripts has it for
 * ddpm paths only; it is a function of noise levels and serves on any.
 *
 * @param c 0 < c ≤ 1
 * @example
 * const loss = mean('huber', huber(snrThreshold(0.1)))
 */
export const snrThreshold =
  (c: number): PerSample<Parameterisation> =>
  ({ alpha, sigma }) => {
    // 1/(1 + sigma/alpha) without its pole at alpha = 0.
    const share = div(alpha, add(alpha, sigma))
    return add(mul(1 - c, mul(share, share)), c)
  }

/** Thresholds by the names that users of sd-scripts and SimpleTuner know as `huber_schedule`. */
export const huberSchedules = {
  constant: (c) => c,
  exponential: (c) => exponentialThreshold(c),
  snr: (c) => snrThreshold(c),
} as const satisfies Record<string, (c: number) => Threshold>

export type HuberSchedule = keyof typeof huberSchedules
