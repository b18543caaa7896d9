import { leaves, type Value } from '../../onnx/index.js'
import type { Parameterisation } from '../../types/index.js'
import type { Model } from '../model.js'
import { nameOf } from './roles.js'

/**
 * The conditioning that a model reads, by name.
 *
 * @example
 * declare const model: Model<'epsilon'>
 * const names = Object.keys(conditioningOf(model))
 */
export const conditioningOf = ({
  prediction,
}: Pick<Model<Parameterisation>, 'prediction'>): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    leaves([prediction]).flatMap((value) => {
      const name = nameOf(value)
      return value.node.kind === 'input' && !['latents', 'timestep'].includes(name) ? [[name, value]] : []
    }),
  )
