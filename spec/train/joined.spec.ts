import { dit, inPrecision, type Model, parameterCount, type Precision, unet } from 'deriva/model'
import { leaves, parameter, substitute, topological, type Value } from 'deriva/onnx'
import { normal } from 'deriva/random'
import { joined } from 'deriva/train'
import { float32, int64, type Parameterisation, size } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../model/evaluate.js'

const drawn = (sample: number, dims: ReadonlyArray<number>) =>
  float32(dims, normal({ seed: 2, purpose: 'data', step: 0, sample }, new Float32Array(size(dims))))

/** Weights of some size everywhere: the last layers of fresh models are zero. */
const alive = <P extends Parameterisation>(model: Model<P>): Model<P> => {
  let count = 0
  const [prediction] = substitute([model.prediction], ({ node }) => {
    if (node.kind !== 'parameter') return undefined
    const { dims, data } = drawn(++count, node.initial.dims)
    return parameter(
      node.name,
      float32(
        dims,
        data.map((x) => 0.2 * x),
      ),
    )
  })
  return { ...model, prediction }
}

const image = { parameterisation: 'flow_matching', sample: [1, 8, 8], classes: 2, seed: 5 } as const
const depth = 3
const models: Readonly<Record<string, Model<'flow_matching'>>> = {
  dit: alive(dit({ ...image, patch: 4, width: 16, depth, heads: 2 })),
  unet: alive(unet({ ...image, width: 8, levels: 2, depth, heads: 2, groups: 4 })),
}

const weights = ({ prediction }: Model<Parameterisation>) =>
  leaves([prediction]).flatMap(({ node }) => (node.kind === 'parameter' ? [node] : []))
const counted = (value: Value, operator: string): number =>
  topological([value]).filter((node) => node.kind === 'operator' && node.operator === operator).length
const everywhere = (): string => ''

describe.each(Object.keys(models))('the weights of a %s, joined', (name) => {
  const model = models[name]

  it('are all there, each once, with no two of one shape apart', () => {
    const { model: together, joints } = joined(model, everywhere)
    const after = weights(together)
    expect(after.flatMap((one) => joints[one.name] ?? [one.name]).toSorted()).toEqual(
      weights(model)
        .map((one) => one.name)
        .toSorted(),
    )
    expect(parameterCount(together)).toBe(parameterCount(model))
    const alone = after.filter((one) => !Object.hasOwn(joints, one.name))
    expect(new Set(alone.map(({ initial }) => String(initial.dims))).size).toBe(alone.length)
    expect(Object.keys(joints).length).toBeGreaterThan(3)
  })

  it.each(['float32', 'float16'] satisfies Precision[])(
    'compute the same, to the bit, in %s',
    async (precision) => {
      const separate = inPrecision(precision)(model)
      const batch = {
        latents: drawn(1000, [3, ...image.sample]),
        timestep: float32([3], [1, 500, 999]),
        label: int64([3], [0, 1, 2]),
      }
      const expected = await evaluate(separate.prediction, batch)
      expect(new Set(Array.from(expected.data, Number)).size).toBeGreaterThan(100)
      expect(await evaluate(joined(separate, everywhere).model.prediction, batch)).toEqual(expected)
    },
  )

  it('are cast together', () => {
    const separate = inPrecision('bfloat16')(model)
    const { prediction } = joined(separate, everywhere).model
    const casts = topological([prediction]).flatMap((node) =>
      node.kind === 'operator' && node.operator === 'Cast' ? [node] : [],
    )
    expect(casts.length).toBeLessThan(counted(separate.prediction, 'Cast'))
    for (const { inputs } of casts) {
      const of = inputs[0]?.node
      if (of?.kind === 'operator' && of.operator === 'Split')
        expect(of.inputs[0]?.node.kind).not.toBe('parameter')
    }
  })

  it('stay apart where they are not alike', () => {
    expect(joined(model, (own) => own).joints).toEqual({})
    const { joints } = joined(model, (own) => String(own.endsWith('bias')))
    for (const parts of Object.values(joints))
      expect(new Set(parts.map((own) => own.endsWith('bias'))).size).toBe(1)
  })
})
