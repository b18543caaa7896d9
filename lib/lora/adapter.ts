import { type Initialiser, scope, zeros } from '../model/index.js'
import { GraphFailure } from '../onnx/index.js'
import { size, type TensorOf } from '../types/index.js'
import type { AdaptableWeight } from './adaptable.js'
import { kaimingUniform } from './kaiming-uniform.js'

/**
 * How the update is scaled: by alpha/rank (Hu et al. 2021, arXiv 2106.09685, section 4.1), or by alpha/√rank, with which the
 * learning rate need not change with the rank (rsLoRA, Kalajdzievski 2023, arXiv 2312.03732, equation 4).
 */
export type LoraVariant = 'lora' | 'rslora'

/** A parameter of an adapter: its name, and its value before training. */
export type AdapterParameter = { readonly name: string; readonly initial: TensorOf<'float32'> }

/**
 * The update scale·B·A of one slice of a weight's outputs. As PEFT stores them: A is [rank, in, …kernel] and B is
 * [slice, rank, …1].
 */
export type AdapterPart = {
  /** Which slice of the outputs, from 0. */
  readonly index: number
  readonly a: AdapterParameter
  readonly b: AdapterParameter
}

/** What one weight is given. */
export type Adapter = {
  readonly weight: AdaptableWeight
  /** 1 … */
  readonly rank: number
  readonly alpha: number
  readonly variant: LoraVariant
  /** Into how many slices of equal length the outputs are cut, such as 3 for fused queries, keys and values. */
  readonly split: number
  /** One for every slice that adapts. */
  readonly parts: ReadonlyArray<AdapterPart>
}

/** The values of adapters by parameter name, such as the parameters of a training state. */
export type AdapterTensors = Readonly<Record<string, TensorOf<'float32'>>>

/**
 * The factor before B·A.
 *
 * @example
 * const scale = scaling({ rank: 16, alpha: 32, variant: 'rslora' }) // 8
 */
export const scaling = ({ rank, alpha, variant }: Pick<Adapter, 'rank' | 'alpha' | 'variant'>): number =>
  alpha / (variant === 'rslora' ? Math.sqrt(rank) : rank)

/**
 * The dimensions of A and B for a weight, or for one of `split` slices of its outputs.
 *
 * @example
 * const [weight] = adaptable(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 * const { a, b } = factorDims(weight, 4)
 */
export const factorDims = (
  { inputs, outputs, kernel }: Pick<AdaptableWeight, 'inputs' | 'outputs' | 'kernel'>,
  rank: number,
  split = 1,
): { readonly a: ReadonlyArray<number>; readonly b: ReadonlyArray<number> } => ({
  a: [rank, inputs, ...kernel],
  b: [outputs / split, rank, ...kernel.map(() => 1)],
})

/** A's name and B's: where PEFT would have them, `<module>.lora_A.weight`, with the number of a slice after the module. */
const factorName = ({ module }: AdaptableWeight, factor: 'A' | 'B', split: number, index: number): string =>
  `${module}${split === 1 ? '' : `.${index}`}.lora_${factor}.weight`

/**
 * An adapter that changes nothing yet: A Kaiming-uniform, B zeros, as PEFT begins. Values are drawn under the parameter's
 * name, so that another target changes none of them.
 *
 * @param parts which slices adapt; all where left out
 * @example
 * const [weight] = adaptable(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1 }))
 * const adapter = freshAdapter(weight, { rank: 4, alpha: 8, variant: 'lora', split: 1, seed: 1 })
 */
export const freshAdapter = (
  weight: AdaptableWeight,
  {
    seed,
    parts,
    ...options
  }: Pick<Adapter, 'rank' | 'alpha' | 'variant' | 'split'> & {
    readonly seed: number
    readonly parts?: ReadonlyArray<number>
  },
): Adapter => {
  const { rank, split } = options
  const dims = factorDims(weight, rank, split)
  const slices = [...(parts ?? Array.from({ length: split }, (_, i) => i))].sort((x, y) => x - y)
  const drawn = (factor: 'A' | 'B', index: number, of: ReadonlyArray<number>, initialise: Initialiser) =>
    drawnParameter(seed, factorName(weight, factor, split, index), of, initialise)
  return {
    ...options,
    weight,
    parts: slices.map((index) => ({
      index,
      a: drawn('A', index, dims.a, kaimingUniform),
      b: drawn('B', index, dims.b, zeros),
    })),
  }
}

const drawnParameter = (
  seed: number,
  name: string,
  dims: ReadonlyArray<number>,
  initialise: Initialiser,
): AdapterParameter => {
  const { node } = scope(seed).parameter(name, dims, initialise)
  // What a scope makes is a parameter of float32, which its type does not say.
  if (node.kind !== 'parameter' || node.initial.type !== 'float32')
    throw new TypeError(`${name} is no float32 parameter`)
  return { name, initial: node.initial }
}

/**
 * An adapter of a whole weight with given factors.
 *
 * @param a [rank, in, …kernel]
 * @param b [out, rank, …1]
 * @example
 * const [weight] = adaptable(mlp({ parameterisation: 'epsilon', sample: [2], seed: 1, width: 8 }))
 * const a = float32(factorDims(weight, 1).a, new Float32Array(weight.inputs))
 * const b = float32(factorDims(weight, 1).b, new Float32Array(weight.outputs))
 * const adapter = givenAdapter(weight, { rank: 1, alpha: 1, variant: 'lora', a, b })
 */
export const givenAdapter = (
  weight: AdaptableWeight,
  {
    a,
    b,
    ...options
  }: Pick<Adapter, 'rank' | 'alpha' | 'variant'> & Readonly<Record<'a' | 'b', TensorOf<'float32'>>>,
): Adapter => ({
  ...options,
  weight,
  split: 1,
  parts: [
    {
      index: 0,
      a: { name: factorName(weight, 'A', 1, 0), initial: a },
      b: { name: factorName(weight, 'B', 1, 0), initial: b },
    },
  ],
})

/**
 * The same adapter with other values.
 *
 * @throws GraphFailure where a value is missing or has other dimensions
 * @example
 * declare const adapter: Adapter, trained: AdapterTensors
 * const after = revalued(adapter, trained)
 */
export const revalued = (adapter: Adapter, tensors: AdapterTensors): Adapter => {
  const given = ({ name, initial }: AdapterParameter): AdapterParameter => {
    const tensor = (tensors as Partial<AdapterTensors>)[name]
    if (tensor === undefined) throw new GraphFailure(`there is no value for the adapter's "${name}"`, name)
    if (tensor.dims.join() !== initial.dims.join() || tensor.data.length !== size(initial.dims))
      throw new GraphFailure(
        `"${name}" is [${initial.dims.join(', ')}] and cannot be [${tensor.dims.join(', ')}]`,
        name,
      )
    return { name, initial: tensor }
  }
  return {
    ...adapter,
    parts: adapter.parts.map(({ index, a, b }) => ({ index, a: given(a), b: given(b) })),
  }
}
