import { data } from './data.js'
import { device } from './device.js'
import { keeping } from './keeping.js'
import { lora } from './lora.js'
import { loss } from './loss.js'
import { method } from './method.js'
import { objective } from './objective.js'
import { optimisation } from './optimisation.js'
import { optimizer } from './optimizer.js'
import { run } from './run.js'
import { scheduledSampling } from './scheduled-sampling.js'
import { timesteps } from './timesteps.js'

export { deviceChoices, usualSuperstep } from './device.js'
export { methodDefaults } from './method.js'
export { type ImageMode, imageModes } from './data.js'
export { type ModelType, modelOptions, modelType, modelTypes } from './model.js'
export { optimizerDefaults, optimizerNames } from './optimizer.js'
export { rollsOut } from './scheduled-sampling.js'
export { timestepSamplerDefaults } from './timesteps.js'

/** Every option but those of the model, whose keys depend on its type (`modelOptions`). Only keys that take effect exist. */
export const options = {
  ...run,
  ...device,
  ...data,
  ...lora,
  ...objective,
  ...timesteps,
  ...loss,
  ...method,
  ...optimizer,
  ...optimisation,
  ...scheduledSampling,
  ...keeping,
} as const
