/**
 * How the variance added per timestep grows along a ddpm path. The names are those of diffusers' `beta_schedule`.
 *
 * - `linear`: beta runs evenly from betaStart to betaEnd (Ho et al. 2020, arXiv 2006.11239, section 4)
 * - `scaled_linear`: its square root does (Rombach et al. 2022, arXiv 2112.10752)
 * - `squaredcos_cap_v2`: the cosine schedule, each beta at most 0.999 (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17)
 */
export type BetaSchedule = (typeof betaSchedules)[number]

export const betaSchedules = ['linear', 'scaled_linear', 'squaredcos_cap_v2'] as const

export type DdpmOptions = {
  readonly betaSchedule: BetaSchedule
  /** beta of the first timestep, in (0, 1); the cosine schedule has no use for it. Default 0.0001. */
  readonly betaStart?: number
  /** beta of the last timestep, in (0, 1); the cosine schedule has no use for it. Default 0.02. */
  readonly betaEnd?: number
  /** Rescale so that the last timestep is pure noise (Lin et al. 2023, arXiv 2305.08891, algorithm 1). Default false. */
  readonly rescaleZeroTerminalSnr?: boolean
  /** T, the number of timesteps. Default 1000. */
  readonly timesteps?: number
}

type Betas = (timesteps: number, betaStart: number, betaEnd: number) => Float64Array

const linear: Betas = (timesteps, betaStart, betaEnd) =>
  Float64Array.from({ length: timesteps }, (_, t) =>
    timesteps === 1 ? betaStart : betaStart + (t * (betaEnd - betaStart)) / (timesteps - 1),
  )

const cosine = (u: number): number => Math.cos((((u + 0.008) / 1.008) * Math.PI) / 2) ** 2

const betas: { readonly [S in BetaSchedule]: Betas } = {
  linear,
  scaled_linear: (timesteps, betaStart, betaEnd) =>
    linear(timesteps, Math.sqrt(betaStart), Math.sqrt(betaEnd)).map((root) => root * root),
  squaredcos_cap_v2: (timesteps) =>
    Float64Array.from({ length: timesteps }, (_, t) =>
      Math.min(1 - cosine((t + 1) / timesteps) / cosine(t / timesteps), 0.999),
    ),
}

/** Shift and scale √ᾱ so that its last value is 0 and its first stays: Lin et al. 2023, algorithm 1. */
const rescaled = (alphasCumprod: Float64Array): Float64Array => {
  const roots = alphasCumprod.map(Math.sqrt)
  const first = roots[0]
  const last = roots[roots.length - 1]
  return roots.map((root) => (((root - last) * first) / (first - last)) ** 2)
}

/**
 * ᾱ of every timestep in float64: the running product of 1 − beta, falling. Its square root is alpha, and sigma² = 1 − ᾱ.
 * Throws a RangeError for betas outside (0, 1) or a grid without timesteps.
 *
 * @example
 * const table = alphasCumprod({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 }) // 1000 values
 */
export const alphasCumprod = (options: DdpmOptions): Float64Array => {
  const {
    betaSchedule,
    betaStart = 0.0001,
    betaEnd = 0.02,
    rescaleZeroTerminalSnr = false,
    timesteps = 1000,
  } = options
  const within = (beta: number) => beta > 0 && beta < 1
  if (!within(betaStart) || !within(betaEnd))
    throw new RangeError(`betaStart and betaEnd must lie between 0 and 1, not ${betaStart} and ${betaEnd}`)
  if (!Number.isInteger(timesteps) || timesteps < 1 || (rescaleZeroTerminalSnr && timesteps < 2))
    throw new RangeError(`A ddpm path needs a positive number of timesteps, not ${timesteps}`)
  let product = 1
  const table = betas[betaSchedule](timesteps, betaStart, betaEnd).map((beta) => (product *= 1 - beta))
  return rescaleZeroTerminalSnr ? rescaled(table) : table
}
