import { type Config, datasetFacts } from '../../config/index.js'
import { dit, type ImageShape, type Model, type ModelOptions, unet } from '../../model/index.js'
import type { Parameterisation } from '../../types/index.js'

/**
 * The denoiser that a configuration describes.
 *
 * @example
 * declare const config: Config
 * const weights = parameterCount(modelOf(config, 'flow_matching'))
 */
export const modelOf = <P extends Parameterisation>(config: Config, parameterisation: P): Model<P> => {
  const { shape, classes } = datasetFacts[config.dataset]
  const shared: ModelOptions<P, ImageShape> = { parameterisation, sample: shape, classes, seed: config.seed }
  const { model } = config
  switch (model.type) {
    case 'unet':
      return unet({ ...shared, ...model })
    case 'dit':
      return dit({ ...shared, ...model })
  }
}
