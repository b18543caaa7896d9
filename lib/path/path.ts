import type { Parameterisation } from '../types/index.js'
import type { Point } from './point.js'

/** `flow` is the straight path of rectified flow; `ddpm` the discrete variance-preserving one. */
export type PathFamily = 'flow' | 'ddpm'

/**
 * A noising process: how much data and how much noise a latent holds at each timestep. One time axis everywhere: timestep 0 is
 * (all but) clean, larger timesteps are noisier, and lambda falls strictly as the timestep grows.
 *
 * The family is a type parameter, so that what only makes sense on one family can say so.
 */
export type Path<F extends PathFamily = PathFamily> = {
  readonly family: F
  /** T, the length of the training grid: 1000 unless told otherwise. */
  readonly timesteps: number
  /** The end of every trajectory: alpha = 1, sigma = 0. On a ddpm path it lies beyond timestep 0. */
  readonly clean: Point
  /** The other end of the training grid: timestep T − 1 for ddpm, T for flow. */
  readonly noisiest: Point
  /** The point of a timestep, fractions included. Throws a RangeError outside [0, noisiest.timestep]. */
  readonly at: (timestep: number) => Point
  /**
   * The point with this half log signal-to-noise ratio, ±∞ included. Alpha and sigma are exact; the timestep lies in
   * [0, noisiest.timestep], the nearest end standing in for levels beyond the grid.
   */
  readonly atLambda: (lambda: number) => Point
}

/** The paths on which a model of this parameterisation is trained: a flow-matching model needs the straight path. */
export type PathFor<P extends Parameterisation> = P extends 'flow_matching' ? Path<'flow'> : Path
