import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Model } from '../model/index.js'
import { asFloat32, isFloat } from '../onnx/index.js'
import type { Parameterisation, Tensor } from '../types/index.js'
import { adaptable, type AdaptableWeight } from './adaptable.js'
import { type Adapted, attached } from './adapted.js'
import { type Adapter, factorDims, givenAdapter } from './adapter.js'
import { type PeftScaling, peftScaling } from './peft-config.js'
import { listed, nearNames } from './target.js'

/** What may stand before a layer's name: nothing, or what PEFT and diffusers put there. */
const prefixes = ['', 'base_model.model.', 'transformer.', 'unet.', 'diffusion_model.'] as const

/** `default` is what PEFT calls an adapter in memory; its files leave it out, those of others do not always. */
const keyForm = /^(.+)\.lora_(A|B)(?:\.default)?\.weight$/

type Pair = { readonly weight: AdaptableWeight; readonly a?: Tensor; readonly b?: Tensor }

const weightOf = (stem: string, weights: ReadonlyMap<string, AdaptableWeight>): AdaptableWeight | undefined =>
  prefixes
    .filter((prefix) => stem.startsWith(prefix))
    .map((prefix) => weights.get(stem.slice(prefix.length)))
    .find((weight) => weight !== undefined)

const paired = (
  tensors: Readonly<Record<string, Tensor>>,
  weights: ReadonlyMap<string, AdaptableWeight>,
): E.Either<string, ReadonlyArray<Pair>> => {
  const pairs = new Map<string, Pair>()
  for (const [key, tensor] of Object.entries(tensors)) {
    const match = keyForm.exec(key)
    if (match === null) return E.left(`"${key}" is no name of PEFT's, <module>.lora_A.weight or lora_B`)
    const [, stem, factor] = match
    const weight = weightOf(stem, weights)
    if (weight === undefined) {
      const names = [...weights.keys()]
      const near = nearNames(stem, names)
      return E.left(
        `"${key}" fits no layer of the model; ${near.length > 0 ? `near ones: ${near.join(', ')}` : `it has ${listed(names)}`}`,
      )
    }
    const before = pairs.get(weight.name) ?? { weight }
    const slot = factor === 'A' ? 'a' : 'b'
    if (before[slot] !== undefined) return E.left(`"${key}" is there twice, under different prefixes`)
    pairs.set(weight.name, { ...before, [slot]: tensor })
  }
  return pairs.size === 0 ? E.left('there are no adapters in it') : E.right([...pairs.values()])
}

const misfit = (factor: string, { type, dims }: Tensor, wanted: ReadonlyArray<number>): string | undefined =>
  isFloat(type) && dims.join() === wanted.join()
    ? undefined
    : `a lora_${factor} of ${type}[${dims.join(', ')}], where the layer and the rank need [${wanted.join(', ')}]`

const adapterOf =
  ({ variant, alphaOf }: PeftScaling) =>
  ({ weight, a, b }: Pair): E.Either<string, Adapter> => {
    const { module } = weight
    if (a === undefined) return E.left(`"${module}" has lora_B and no lora_A`)
    if (b === undefined) return E.left(`"${module}" has lora_A and no lora_B`)
    const [rank = 0] = a.dims
    const dims = factorDims(weight, rank)
    const wrong = misfit('A', a, dims.a) ?? misfit('B', b, dims.b)
    if (wrong !== undefined || rank < 1) return E.left(`"${module}" has ${wrong ?? 'a lora_A of rank 0'}`)
    return E.right(
      givenAdapter(weight, { rank, alpha: alphaOf(module, rank), variant, a: asFloat32(a), b: asFloat32(b) }),
    )
  }

/**
 * A model with the adapters of a PEFT or diffusers file. Layers are found by name, with the prefix of either or none, ranks by the
 * tensors' dimensions, and scales by the configuration. Half-precision values become float32.
 *
 * @param file the tensors of adapter_model.safetensors, and the content of adapter_config.json where there is one; without it alpha
 * is the rank
 * @returns Left what does not fit, as the end of the sentence "<path>: …"
 * @example
 * declare const file: Uint8Array, json: string
 * const model = dit({ parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 })
 * const adapted = pipe(
 *   decodeSafetensors(file),
 *   E.chain(({ tensors }) => fromPeft(model, { tensors, config: JSON.parse(json) })),
 * )
 */
export const fromPeft = <P extends Parameterisation>(
  model: Model<P>,
  { tensors, config }: { readonly tensors: Readonly<Record<string, Tensor>>; readonly config?: unknown },
): E.Either<string, Adapted<P>> =>
  pipe(
    E.Do,
    E.apS('scaling', peftScaling(config)),
    E.apS('pairs', paired(tensors, new Map(adaptable(model).map((weight) => [weight.module, weight])))),
    E.chain(({ scaling, pairs }) => E.traverseArray(adapterOf(scaling))(pairs)),
    E.map((adapters) => attached(model, adapters)),
  )
