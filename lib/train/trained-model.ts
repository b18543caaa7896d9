import { type Model, weightsOf, withWeights } from '../model/index.js'
import { encode, parameter, substitute } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Parameters } from './state.js'

/**
 * An ONNX file of the model with these parameters in place of its initial ones, runnable by any ONNX Runtime: inputs
 * `latents`, `timestep` and the model's conditioning, output `prediction`; what that means is in its metadata as `prediction_type`.
 * Of an adopted model: the file that it came as, with these weights.
 *
 * @example
 * declare const model: Model<'flow_matching'>, state: State
 * const file: Uint8Array = trainedModel(model, state.ema)
 */
export const trainedModel = <P extends Parameterisation>(
  model: Model<P>,
  parameters: Parameters,
): Uint8Array => {
  // What the graph itself cannot say: what its output means.
  const said = { prediction_type: model.parameterisation }
  if (model.origin !== undefined) {
    const { inputs, outputs, metadata } = withWeights(model.origin, { ...weightsOf(model), ...parameters })
    return encode({
      inputs,
      outputs,
      metadata: { ...metadata, ...said },
      parameters: 'initializers',
      name: 'denoiser',
    })
  }
  const [prediction = model.prediction] = substitute([model.prediction], ({ node }) => {
    const tensor = node.kind === 'parameter' ? parameters[node.name] : undefined
    return node.kind === 'parameter' && tensor !== undefined ? parameter(node.name, tensor) : undefined
  })
  return encode({ outputs: { prediction }, metadata: said, parameters: 'initializers', name: 'denoiser' })
}
