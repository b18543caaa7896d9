import { samePoint, type Path, type Point } from '../path/index.js'

/** Where a trajectory goes. */
export type Route = {
  readonly path: Path
  /** From noisy to clean, no two neighbours alike; only the last may have sigma = 0. */
  readonly points: ReadonlyArray<Point>
  /**
   * How many more steps the grid goes on beyond the last point: 0 where the trajectory ends with its grid, Infinity in the middle
   * of one. Multistep methods lower their order towards the end of a grid, and only there.
   */
  readonly ahead: number
}

/**
 * A route through these points. Neighbouring points that coincide are merged, since a step of no length must change nothing.
 * Unless told otherwise a route that reaches sigma = 0 ends its grid, any other is a piece out of the middle.
 * Throws a RangeError where sigma = 0 comes before the end, or a point is not a pair of finite numbers.
 *
 * @example
 * const path = flow()
 * const rollout = route(path, [path.at(503), path.at(502), path.at(501)])
 */
export const route = (path: Path, points: ReadonlyArray<Point>, ahead?: number): Route => {
  const distinct = points.filter((at, i) => i === 0 || !samePoint(at, points[i - 1]))
  distinct.forEach((at, i) => {
    if (!Number.isFinite(at.alpha) || !Number.isFinite(at.sigma))
      throw new RangeError(`Point ${i} (timestep ${at.timestep}) has alpha ${at.alpha} and sigma ${at.sigma}`)
    if (at.sigma === 0 && i < distinct.length - 1)
      throw new RangeError(
        `Point ${i} of ${distinct.length} is already clean: a trajectory ends where sigma = 0`,
      )
  })
  const ends = distinct.length > 0 && distinct[distinct.length - 1].sigma === 0
  return { path, points: distinct, ahead: ahead ?? (ends ? 0 : Infinity) }
}
