import { add, concat, reshape, type Value } from '../onnx/index.js'
import { type Parameterisation, size } from '../types/index.js'
import { silu } from './activation.js'
import { conditioning } from './conditioning.js'
import { zeros } from './initialise.js'
import { layerNorm } from './layer-norm.js'
import { linear } from './linear.js'
import { type Model, modelInputs, type ModelOptions } from './model.js'
import { scope, type Scope } from './scope.js'

export type MLPOptions<P extends Parameterisation> = ModelOptions<P> & {
  /** Channels of every hidden layer. Default 128. */
  readonly width?: number
  /** Residual blocks. Default 3. */
  readonly depth?: number
}

/** x + SiLU([norm x, told]·W + b)·V + c, with V zero at first. */
const block = (at: Scope, x: Value, told: Value, width: number): Value => {
  const hidden = silu(linear(at.at('in'), concat([layerNorm(x), told], 1), width))
  return add(x, linear(at.at('out'), hidden, width, zeros))
}

/**
 * A residual perceptron for latents of any shape, seen as one vector: toy distributions in the plane, or latents too small to have
 * a geometry. The last layer starts as zeros, so the first prediction is zero.
 *
 * @example
 * const plane = mlp({ parameterisation: 'flow_matching', sample: [2], seed: 1 })
 */
export const mlp = <P extends Parameterisation>(options: MLPOptions<P>): Model<P> => {
  const { parameterisation, sample, classes = 0, seed, width = 128, depth = 3 } = options
  const root = scope(seed)
  const { latents, timestep, label } = modelInputs(options)
  const told = conditioning(root.at('conditioning'), { timestep, label, classes, width })
  const entered = linear(root.at('in'), reshape(latents, [0, size(sample)]), width)
  const hidden = Array.from({ length: depth }, (_, i) => root.at('blocks').at(i)).reduce(
    (x, at) => block(at, x, told, width),
    entered,
  )
  const out = linear(root.at('head'), layerNorm(hidden), size(sample), zeros)
  return { parameterisation, sample, prediction: reshape(out, [0, ...sample]) }
}
