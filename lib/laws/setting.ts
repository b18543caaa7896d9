import * as fc from 'fast-check'
import { ddpm, flow, type Path, type Point } from '../path/index.js'
import { parameterisations, type Parameterisation } from '../types/index.js'

/** The paths laws are checked on, by names that print well. */
const paths = {
  flow: flow(),
  ddpm: ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 }),
  'ddpm, zero terminal SNR': ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true }),
} as const

/** Where a trajectory is tried: plain data, so that a counterexample says everything. */
export type Setting = {
  readonly path: keyof typeof paths
  /** Falling integers on the training grid, at least one. */
  readonly timesteps: ReadonlyArray<number>
  /** Whether the trajectory goes on to clean data after the last of them. */
  readonly toClean: boolean
}

/**
 * The path and the points of a setting.
 *
 * @example
 * const { path, points } = journeyOf({ path: 'flow', timesteps: [500, 250], toClean: true })
 */
export const journeyOf = ({
  path: name,
  timesteps,
  toClean,
}: Setting): { readonly path: Path; readonly points: ReadonlyArray<Point> } => {
  const path = paths[name]
  return { path, points: [...timesteps.map(path.at), ...(toClean ? [path.clean] : [])] }
}

const falling = (timesteps: ReadonlyArray<number>): ReadonlyArray<number> =>
  [...timesteps].sort((a, b) => b - a)

/** Evenly spaced grids, rollouts of unit steps, and steps of all lengths. */
const timesteps: fc.Arbitrary<ReadonlyArray<number>> = fc.oneof(
  fc
    .record({
      last: fc.integer({ min: 1, max: 60 }),
      stride: fc.integer({ min: 1, max: 110 }),
      steps: fc.integer({ min: 0, max: 8 }),
    })
    .map(({ last, stride, steps }) =>
      Array.from({ length: steps + 1 }, (_, i) => last + (steps - i) * stride),
    ),
  fc
    .record({ to: fc.integer({ min: 1, max: 989 }), k: fc.integer({ min: 0, max: 10 }) })
    .map(({ to, k }) => Array.from({ length: k + 1 }, (_, i) => to + k - i)),
  fc.uniqueArray(fc.integer({ min: 1, max: 999 }), { minLength: 1, maxLength: 8 }).map(falling),
  // From the very noisiest point: no data at all on the flow path.
  fc
    .integer({ min: 1, max: 10 })
    .map((steps) => Array.from({ length: steps }, (_, i) => 1000 - Math.floor((i * 1000) / steps))),
)

export const pathNames = fc.constantFrom<Setting['path']>('flow', 'ddpm', 'ddpm, zero terminal SNR')

/** Trajectories on all paths: from pure noise and from the middle, down to clean data or to somewhere on the way. */
export const settings: fc.Arbitrary<Setting> = fc
  .record({
    path: pathNames,
    timesteps,
    toClean: fc.boolean(),
  })
  .map(({ path, timesteps, toClean }) => ({
    path,
    // The noisiest timestep of a ddpm path is 999.
    timesteps: path === 'flow' ? timesteps : falling([...new Set(timesteps.map((t) => Math.min(t, 999)))]),
    toClean,
  }))

export const anyParameterisation: fc.Arbitrary<Parameterisation> = fc.constantFrom(...parameterisations)

/** Four numbers of moderate size: latents, data or noise. */
export const latents: fc.Arbitrary<ReadonlyArray<number>> = fc.array(
  fc.integer({ min: -30, max: 30 }).map((n) => n / 10),
  {
    minLength: 4,
    maxLength: 4,
  },
)
