import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Model } from '../model/index.js'
import { asFloat32, isFloat, toNumbers } from '../onnx/index.js'
import { type Parameterisation, size, type Tensor } from '../types/index.js'
import { adaptable, type AdaptableWeight } from './adaptable.js'
import { type Adapted, attached } from './adapted.js'
import { type Adapter, factorDims, givenAdapter } from './adapter.js'
import { diffusersConfig } from './diffusers.js'
import { type PeftScaling, peftScaling } from './peft-config.js'
import { listed, nearNames } from './target.js'

/** What may stand before a layer's name: nothing, or what PEFT and diffusers put there. */
const prefixes = ['', 'base_model.model.', 'transformer.', 'unet.', 'diffusion_model.'] as const

/**
 * What keys of a file mean. `default` is what PEFT calls an adapter in memory; its files leave it out, those of others do not always. Down
 * and up are what A and B were called before, and an alpha of its own is what the trainers of the time wrote beside them.
 */
const keyForms: ReadonlyArray<readonly [RegExp, 'a' | 'b' | 'alpha']> = [
  [/^(.+)\.(?:lora_A(?:\.default)?|lora[._]down)\.weight$/, 'a'],
  [/^(.+)\.(?:lora_B(?:\.default)?|lora[._]up)\.weight$/, 'b'],
  [/^(.+)\.alpha$/, 'alpha'],
]

type Slot = (typeof keyForms)[number][1]

type Pair = { readonly weight: AdaptableWeight } & { readonly [S in Slot]?: Tensor }

const read = (key: string): { readonly stem: string; readonly slot: Slot } | undefined =>
  keyForms
    .flatMap(([form, slot]) => {
      const match = form.exec(key)
      return match === null ? [] : [{ stem: match[1], slot }]
    })
    .at(0)

/** The weight of the layer that a key names; where there is none, the only one whose name ends so: what was exported may have been wrapped. */
const weightOf = (
  stem: string,
  weights: ReadonlyMap<string, AdaptableWeight>,
): AdaptableWeight | undefined => {
  const modules = prefixes
    .filter((prefix) => stem.startsWith(prefix))
    .map((prefix) => stem.slice(prefix.length))
  const named = modules.flatMap((module) => weights.get(module) ?? [])
  const ending = [...weights].filter(([name]) => modules.some((module) => name.endsWith(`.${module}`)))
  return named.at(0) ?? (ending.length === 1 ? ending[0][1] : undefined)
}

const paired = (
  tensors: Readonly<Record<string, Tensor>>,
  weights: ReadonlyMap<string, AdaptableWeight>,
): E.Either<string, ReadonlyArray<Pair>> => {
  const pairs = new Map<string, Pair>()
  for (const [key, tensor] of Object.entries(tensors)) {
    const meaning = read(key)
    if (meaning === undefined)
      return E.left(`"${key}" is no name of PEFT's, <module>.lora_A.weight or lora_B`)
    const { stem, slot } = meaning
    const weight = weightOf(stem, weights)
    if (weight === undefined) {
      const names = [...weights.keys()]
      const near = nearNames(stem, names)
      return E.left(
        `"${key}" fits no layer of the model; ${near.length > 0 ? `near ones: ${near.join(', ')}` : `it has ${listed(names)}`}`,
      )
    }
    const before = pairs.get(weight.name) ?? { weight }
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
  ({ weight, a, b, alpha }: Pair): E.Either<string, Adapter> => {
    const { module } = weight
    if (a === undefined) return E.left(`"${module}" has lora_B and no lora_A`)
    if (b === undefined) return E.left(`"${module}" has lora_A and no lora_B`)
    const [rank = 0] = a.dims
    const dims = factorDims(weight, rank)
    const wrong = misfit('A', a, dims.a) ?? misfit('B', b, dims.b)
    if (wrong !== undefined || rank < 1) return E.left(`"${module}" has ${wrong ?? 'a lora_A of rank 0'}`)
    if (alpha !== undefined && size(alpha.dims) !== 1)
      return E.left(`"${module}" has an alpha of [${alpha.dims.join(', ')}], where one number is needed`)
    const own = alpha && toNumbers(alpha)[0]
    return E.right(
      givenAdapter(weight, {
        rank,
        alpha: own ?? alphaOf(module, rank),
        variant: own === undefined ? variant : 'lora',
        a: asFloat32(a),
        b: asFloat32(b),
      }),
    )
  }

/**
 * A model with the adapters of a PEFT or diffusers file. Layers are found by name, with the prefix of either or none, ranks by the
 * tensors' dimensions, and scales by the configuration. Half-precision values become float32.
 *
 * @param file the tensors of adapter_model.safetensors, and the content of adapter_config.json; or those of pytorch_lora_weights.safetensors, and its
 * metadata, where diffusers puts the configuration. Where neither says it, alpha is the rank
 * @returns Left what does not fit, as the end of the sentence "<path>: …"
 * @example
 * declare const file: Uint8Array, json: string
 * const model = dit({ parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 })
 * const adapted = pipe(
 *   decodeSafetensors(file),
 *   E.chain(({ tensors, metadata }) => fromPeft(model, { tensors, metadata, config: JSON.parse(json) })),
 * )
 */
export const fromPeft = <P extends Parameterisation>(
  model: Model<P>,
  {
    tensors,
    config,
    metadata = {},
  }: {
    readonly tensors: Readonly<Record<string, Tensor>>
    readonly config?: unknown
    readonly metadata?: Readonly<Record<string, string>>
  },
): E.Either<string, Adapted<P>> =>
  pipe(
    E.Do,
    E.apS('said', config === undefined ? diffusersConfig(metadata) : E.right(config)),
    E.bind('scaling', ({ said }) => peftScaling(said)),
    E.bind('pairs', () =>
      paired(tensors, new Map(adaptable(model).map((weight) => [weight.module, weight]))),
    ),
    E.chain(({ scaling, pairs }) => E.traverseArray(adapterOf(scaling))(pairs)),
    E.map((adapters) => attached(model, adapters)),
  )
