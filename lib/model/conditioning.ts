import { add, gather, type Value } from '../onnx/index.js'
import { silu } from './activation.js'
import { gaussian } from './initialise.js'
import { linear } from './linear.js'
import type { Scope } from './scope.js'
import { timestepEmbedding } from './timestep-embedding.js'

/** How many sinusoids the timestep is shown as. */
export const timestepFeatures = 64

/**
 * What a denoiser is told beside the latent, as one vector: a two-layer perceptron of the timestep's sinusoids, plus a row of a
 * table of classes. The table has one row more than there are classes: label `classes` is "no class", which
 * classifier-free guidance needs (Ho & Salimans 2022, arXiv 2207.12598).
 *
 * The rows start with deviation 1, not DiT's 0.02: a short training then learns early on to tell the classes apart.
 *
 * @param label [batch] int64, 0 … classes; undefined for an unconditional model
 * @returns SiLU of the vector, [batch, width]: every block reads it through a linear layer of its own
 * @example
 * const timestep = input('timestep', 'float32', ['batch'])
 * const told = conditioning(scope(1), { timestep, label: undefined, classes: 0, width: 128 })
 */
export const conditioning = (
  at: Scope,
  {
    timestep,
    label,
    classes,
    width,
  }: {
    readonly timestep: Value
    readonly label: Value | undefined
    readonly classes: number
    readonly width: number
  },
): Value => {
  const time = at.at('timestep')
  const hidden = silu(
    linear(time.at('in'), timestepEmbedding(timestep, timestepFeatures), width, gaussian(0.02)),
  )
  const embedded = linear(time.at('out'), hidden, width, gaussian(0.02))
  if (label === undefined) return silu(embedded)
  const table = at.at('label').parameter('table', [classes + 1, width], gaussian(1))
  return silu(add(embedded, gather(table, label, 0)))
}
