import type { Parameterisation } from '../types/index.js'
import type { Point } from './point.js'

/** A prediction written in data and noise: prediction = x0·data + epsilon·noise. */
export type Target = { readonly x0: number; readonly epsilon: number }

/** Something read off a latent and what the model said about it: latent·x + prediction·out. */
export type Reading = { readonly latent: number; readonly prediction: number }

/**
 * The alpha by which a noise prediction is divided. An epsilon model says nothing about the data where none is left; diffusers'
 * multistep solvers keep ᾱ at 2^-24 there, and the same answer comes out. The remedy is `v_prediction` (Lin et al. 2023,
 * arXiv 2305.08891, section 3.2).
 */
const divisor = (alpha: number): number => (alpha === 0 ? 2 ** -12 : alpha)

/**
 * What a model of this parameterisation is asked to predict at a point, as coefficients of data and noise.
 *
 * @example
 * const v = target('v_prediction', { timestep: 500, alpha: 0.6, sigma: 0.8 }) // { x0: -0.8, epsilon: 0.6 }
 */
export const target = (parameterisation: Parameterisation, at: Point): Target => {
  switch (parameterisation) {
    case 'epsilon':
      return { x0: 0, epsilon: 1 }
    case 'v_prediction':
      return { x0: -at.sigma, epsilon: at.alpha }
    case 'sample':
      return { x0: 1, epsilon: 0 }
    case 'flow_matching':
      return { x0: -1, epsilon: 1 }
  }
}

/**
 * The data x0 from a latent and a prediction. An epsilon model at alpha = 0 is read as if alpha were 2^-12.
 *
 * @example
 * const at = flow().at(250)
 * const reading = toData('flow_matching', at) // x0 = 1·x − 0.25·out
 */
export const toData = (parameterisation: Parameterisation, at: Point): Reading => {
  const { alpha, sigma } = at
  switch (parameterisation) {
    case 'epsilon': {
      const some = divisor(alpha)
      return { latent: 1 / some, prediction: -sigma / some }
    }
    case 'v_prediction': {
      const norm = alpha * alpha + sigma * sigma
      return { latent: alpha / norm, prediction: -sigma / norm }
    }
    case 'sample':
      return { latent: 0, prediction: 1 }
    case 'flow_matching':
      return { latent: 1 / (alpha + sigma), prediction: -sigma / (alpha + sigma) }
  }
}

/**
 * The noise epsilon from a latent and a prediction. Infinite for a `sample` model at sigma = 0, where a latent holds none.
 *
 * @example
 * const at = flow().at(250)
 * const reading = toNoise('flow_matching', at) // epsilon = 1·x + 0.75·out
 */
export const toNoise = (parameterisation: Parameterisation, at: Point): Reading => {
  const { alpha, sigma } = at
  switch (parameterisation) {
    case 'epsilon':
      return { latent: 0, prediction: 1 }
    case 'v_prediction': {
      const norm = alpha * alpha + sigma * sigma
      return { latent: sigma / norm, prediction: alpha / norm }
    }
    case 'sample':
      return { latent: 1 / sigma, prediction: -alpha / sigma }
    case 'flow_matching':
      return { latent: 1 / (alpha + sigma), prediction: alpha / (alpha + sigma) }
  }
}

/**
 * The velocity epsilon − x0 of the straight path from a latent and a prediction; on any path (it is not `v_prediction`).
 * Awkward where `toData` and `toNoise` are.
 *
 * @example
 * const at = flow().at(250)
 * const reading = toVelocity('epsilon', at) // (out − x) / 0.75
 */
export const toVelocity = (parameterisation: Parameterisation, at: Point): Reading => {
  const { alpha, sigma } = at
  switch (parameterisation) {
    case 'epsilon': {
      const some = divisor(alpha)
      return { latent: -1 / some, prediction: (some + sigma) / some }
    }
    case 'v_prediction': {
      const norm = alpha * alpha + sigma * sigma
      return { latent: (sigma - alpha) / norm, prediction: (alpha + sigma) / norm }
    }
    case 'sample':
      return { latent: 1 / sigma, prediction: -(alpha + sigma) / sigma }
    case 'flow_matching':
      return { latent: 0, prediction: 1 }
  }
}
