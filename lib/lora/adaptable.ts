import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Model } from '../model/index.js'
import { type ParameterNode, topological, type Value } from '../onnx/index.js'
import type { Parameterisation, TensorOf } from '../types/index.js'
import { isMatrixTranspose, type Layout, layoutAt, sourceOf } from './site.js'

/** A weight that can have an adapter: of a linear layer, or the kernel of a convolution in one group. */
export type AdaptableWeight = {
  /** The parameter's name, such as `blocks.0.attention.qkv.weight`. */
  readonly name: string
  /** The layer's: the name without a last `.weight`. */
  readonly module: string
  /** As stored: [in, out] or [out, in] by `layout`; [out, in, …kernel]. */
  readonly initial: TensorOf<'float32'>
  readonly layout: Layout
  /** Features or channels that the layer reads. */
  readonly inputs: number
  /** Features or channels that the layer gives. */
  readonly outputs: number
  /** The window of a convolution; [] for a linear layer. */
  readonly kernel: ReadonlyArray<number>
}

/** A weight with its place, or why it can have no adapter. */
export type Survey = ReadonlyMap<string, E.Either<string, AdaptableWeight>>

type Use = E.Either<string, Layout>

const usesOf = (prediction: Value): ReadonlyMap<ParameterNode, ReadonlyArray<Use>> => {
  const uses = new Map<ParameterNode, ReadonlyArray<Use>>()
  for (const node of topological([prediction])) {
    // A transposition is no use of its own: what reads it is.
    if (node.kind !== 'operator' || isMatrixTranspose(node)) continue
    node.inputs.forEach((x, operand) => {
      const source = x && sourceOf(x)
      if (source === undefined) return
      const { weight, transposed } = source
      uses.set(weight, [...(uses.get(weight) ?? []), layoutAt(node, operand, transposed)])
    })
  }
  return uses
}

const described = (
  { name, initial }: ParameterNode,
  uses: ReadonlyArray<Use>,
): E.Either<string, AdaptableWeight> => {
  if (initial.type !== 'float32') return E.left(`is ${initial.type}, not float32`)
  const refused = uses.find(E.isLeft)
  if (refused !== undefined) return refused
  const [layout, ...others] = uses.flatMap((use) => (E.isRight(use) ? [use.right] : []))
  if (initial.dims.length < 2) return E.left('is no matrix')
  if (layout === 'in,out' && initial.dims.length > 2) return E.left('is a stack of matrices')
  if (others.some((other) => other !== layout)) return E.left('is read both as it is and transposed')
  const [first = 1, second = 1, ...kernel] = initial.dims
  const [inputs, outputs] = layout === 'in,out' ? [first, second] : [second, first]
  return E.right({ name, module: moduleOf(name), initial, layout, inputs, outputs, kernel })
}

/**
 * The layer that a parameter belongs to: its name without a last `.weight`.
 *
 * @example
 * const module = moduleOf('blocks.0.mlp.in.weight') // blocks.0.mlp.in
 */
export const moduleOf = (name: string): string => name.replace(/\.weight$/, '')

/**
 * Every weight of a model by name, with what an adapter has to know of it or why it can have none. A weight that several
 * operators read counts as one, and takes an adapter only if all of them do: otherwise it could not be merged.
 *
 * @example
 * const weights = survey(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 */
export const survey = ({ prediction }: Pick<Model<Parameterisation>, 'prediction'>): Survey =>
  new Map([...usesOf(prediction)].map(([node, uses]) => [node.name, described(node, uses)]))

/**
 * The weights of a model that can have adapters: those of MatMul and Gemm, straight or transposed, and of Conv in one group,
 * where they are float32 parameters.
 *
 * @example
 * const layers = adaptable(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 })).map(({ module }) => module)
 */
export const adaptable = (
  model: Pick<Model<Parameterisation>, 'prediction'>,
): ReadonlyArray<AdaptableWeight> =>
  [...survey(model).values()].flatMap((weight) =>
    pipe(
      weight,
      E.match(
        () => [],
        (found) => [found],
      ),
    ),
  )
