import { type Model, weightsOf, withWeights } from '../model/index.js'
import { encode, type Encodable, parameter, substitute } from '../onnx/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Parameters } from './state.js'

/**
 * The graph of a model's file with these parameters in place of its initial ones: inputs `latents`, `timestep` and the model's conditioning,
 * output `prediction`; what that means is in its metadata as `prediction_type`. Of an adopted model: the graph that it came as, with these
 * weights.
 *
 * @example
 * declare const model: Model<'flow_matching'>, state: State
 * const { outputs } = trainedGraph(model, state.ema)
 */
export const trainedGraph = <P extends Parameterisation>(
  model: Model<P>,
  parameters: Parameters,
): Encodable => {
  // What the graph itself cannot say: what its output means.
  const said = { prediction_type: model.parameterisation }
  const shared = { parameters: 'initializers', name: 'denoiser' } as const
  if (model.origin !== undefined) {
    const { inputs, outputs, metadata } = withWeights(model.origin, { ...weightsOf(model), ...parameters })
    return { inputs, outputs, metadata: { ...metadata, ...said }, ...shared }
  }
  const [prediction = model.prediction] = substitute([model.prediction], ({ node }) => {
    const tensor = node.kind === 'parameter' ? parameters[node.name] : undefined
    return node.kind === 'parameter' && tensor !== undefined ? parameter(node.name, tensor) : undefined
  })
  return { outputs: { prediction }, metadata: said, ...shared }
}

/**
 * `trainedGraph` as an ONNX file, runnable by any ONNX Runtime; for models of less than 2 GiB (`writeModelFile` of `deriva/data` takes all).
 *
 * @example
 * declare const model: Model<'flow_matching'>, state: State
 * const file: Uint8Array = trainedModel(model, state.ema)
 */
export const trainedModel = <P extends Parameterisation>(
  model: Model<P>,
  parameters: Parameters,
): Uint8Array => encode(trainedGraph(model, parameters))
