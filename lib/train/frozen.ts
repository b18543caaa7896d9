import type { Model } from '../model/index.js'
import { constant, substitute } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'

/**
 * The model with some of its weights made constants, under their names: they are compiled into the graphs of a run instead of being
 * fed to them, have no gradient, no optimizer memory and no place in checkpoints. Parameters other than float32 never train.
 *
 * @param trains which weights stay parameters, by name
 * @example
 * const model = mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })
 * const headOnly = frozen(model, (name) => name.startsWith('out.'))
 */
export const frozen = <P extends Parameterisation>(
  model: Model<P>,
  trains: (name: string) => boolean,
): Model<P> => {
  const { prediction, training = prediction } = model
  const [value = prediction, trained = training] = substitute([prediction, training], ({ node }) =>
    node.kind === 'parameter' && !(node.initial.type === 'float32' && trains(node.name))
      ? constant(node.initial, node.name)
      : undefined,
  )
  return { ...model, prediction: value, ...(training === prediction ? {} : { training: trained }) }
}
