import type { Path } from '../path/index.js'

/** What ‖x̂ − (alpha·x0 + sigma·noise)‖² depends on: inner products of a latent, its data and its noise. */
type Products = {
  readonly latentData: number
  readonly latentNoise: number
  readonly dataData: number
  readonly dataNoise: number
  readonly noiseNoise: number
}

/** On the straight path x_m = x0 + s·(noise − x0): a parabola in s. */
const onStraightPath = (p: Products, noisiest: number): number => {
  const along = p.latentNoise - p.latentData - p.dataNoise + p.dataData
  const length = p.noiseNoise - 2 * p.dataNoise + p.dataData
  return noisiest * Math.min(1, Math.max(0, along / length))
}

/** Where the scan for the lowest valley looks; the distance has at most two valleys on the whole circle. */
const places = 64

/**
 * On a variance-preserving path alpha = cos θ and sigma = sin θ: the valley of a trigonometric polynomial of degree 2, found by a scan
 * and bisection of its slope.
 */
const onCircle = (p: Products, path: Path): number => {
  const last = Math.atan2(path.noisiest.sigma, path.noisiest.alpha)
  const squared = (angle: number): number => {
    const [c, s] = [Math.cos(angle), Math.sin(angle)]
    return (
      p.dataData * c * c +
      2 * p.dataNoise * c * s +
      p.noiseNoise * s * s -
      2 * (p.latentData * c + p.latentNoise * s)
    )
  }
  const slope = (angle: number): number => {
    const [c, s] = [Math.cos(angle), Math.sin(angle)]
    return (
      (p.noiseNoise - p.dataData) * s * c +
      p.dataNoise * (c * c - s * s) +
      p.latentData * s -
      p.latentNoise * c
    )
  }
  let best = 0
  for (let i = 1; i <= places; i++)
    if (squared((i * last) / places) < squared((best * last) / places)) best = i
  let [low, high] = [(Math.max(0, best - 1) * last) / places, (Math.min(places, best + 1) * last) / places]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (slope(middle) < 0) low = middle
    else high = middle
  }
  const angle = (low + high) / 2
  return path.atLambda(-Math.log(Math.tan(angle))).timestep
}

/**
 * The slow-flow time of MixFlow (arXiv 2512.19311): m_t = argmin_m ‖x̂_t − x_m‖ over the true interpolations x_m of a sample's own
 * data and noise. A rolled-out latent looks like one of another time, as a rule a noisier one (m_t > t). Exact on the straight path,
 * where the squared distance is a parabola; to rounding on variance-preserving ones. Near the clean end of these, times below timestep
 * 0 count as 0.
 *
 * @param rolled where the trajectories are, [batch, …sample]
 * @param x0 the data they left from, [batch, …sample]
 * @param noise the noise they left from, [batch, …sample]
 * @returns timesteps, [batch], within the path's grid
 * @example
 * const times = slowFlowTimes(flow(), Float32Array.of(0.5, 0.5), Float32Array.of(1, 0), Float32Array.of(0, 1), 1) // 500
 */
export const slowFlowTimes = (
  path: Path,
  rolled: Float32Array,
  x0: Float32Array,
  noise: Float32Array,
  batch: number,
): Float64Array => {
  const elements = rolled.length / Math.max(1, batch)
  return Float64Array.from({ length: batch }, (_, i) => {
    let [latentData, latentNoise, dataData, dataNoise, noiseNoise] = [0, 0, 0, 0, 0]
    for (let e = i * elements; e < (i + 1) * elements; e++) {
      latentData += rolled[e] * x0[e]
      latentNoise += rolled[e] * noise[e]
      dataData += x0[e] * x0[e]
      dataNoise += x0[e] * noise[e]
      noiseNoise += noise[e] * noise[e]
    }
    const products = { latentData, latentNoise, dataData, dataNoise, noiseNoise }
    return path.family === 'flow'
      ? onStraightPath(products, path.noisiest.timestep)
      : onCircle(products, path)
  })
}
