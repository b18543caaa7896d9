import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { grad } from 'deriva/autodiff'
import {
  bind,
  decode,
  encode,
  input,
  leaves,
  mul,
  reduceMean,
  sub,
  toNumbers,
  type Graph,
  type ParameterNode,
  type Value,
} from 'deriva/onnx'
import type { Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { safetensors } from '../golden/safetensors.js'
import { relativeError, runModel } from './run-model.js'
import { right } from '../either.js'

/** Denoisers of diffusers as PyTorch's exporters write them; make.py beside the files says how they were made. */

const folder = join(import.meta.dirname, '../fixtures/exported')

type Reference = {
  readonly value: readonly [number, number]
  readonly gradient: readonly [number, number]
  readonly norm: number
}

const projection = (values: ArrayLike<number>): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i] * Math.cos(i + 1)
  return sum
}

const files = readdirSync(folder).filter((name) => name.endsWith('.onnx'))

const modelOf = (file: string): string => file.split('-')[0]

const tensorsOf = (file: string): ReadonlyMap<string, Tensor> =>
  safetensors(Uint8Array.from(readFileSync(join(folder, `${modelOf(file)}.safetensors`))))

const referencesOf = (file: string): Readonly<Record<string, Reference>> =>
  JSON.parse(readFileSync(join(folder, `${modelOf(file)}.json`), 'utf8')) as Record<string, Reference>

const feedsOf = (tensors: ReadonlyMap<string, Tensor>, graph: Graph): Record<string, Tensor> =>
  Object.fromEntries(
    graph.inputs.flatMap(({ node }) => {
      const tensor = node.kind === 'input' ? tensors.get(`in/${node.name}`) : undefined
      return node.kind === 'input' && tensor !== undefined ? [[node.name, tensor]] : []
    }),
  )

const tensor = (tensors: ReadonlyMap<string, Tensor>, key: string): Tensor => {
  const found = tensors.get(key)
  if (found === undefined) throw new Error(`no ${key}`)
  return found
}

const parametersOf = (output: Value): ReadonlyArray<readonly [Value, ParameterNode]> =>
  leaves([output]).flatMap((value) => (value.node.kind === 'parameter' ? [[value, value.node] as const] : []))

/** Whether the file holds it transposed. */
const turnOf = (references: Readonly<Record<string, Reference>>, { name, initial }: ParameterNode): 0 | 1 => {
  const mine = projection(toNumbers(initial))
  const [plain, transposed] = references[name].value.map((a) => Math.abs(a - mine))
  expect(Math.min(plain, transposed), name).toBeLessThan(1e-4)
  return plain <= transposed ? 0 : 1
}

/** The older exporter does not say that a buffer is no weight. */
const unsaid = (file: string): ReadonlyArray<string> =>
  file.includes('-script-') ? ['model.pos_embed.pos_embed', 'cos', 'sin'] : []

it('there are exports of both kinds, old and new', () => {
  expect(files.length).toBeGreaterThanOrEqual(10)
})

it('the same model is there in every operator set from 11 to the newest that ONNX Runtime takes', () => {
  const sweep = files.filter((file) => modelOf(file) === 'sweep')
  const opsets = new Set(sweep.map((file) => right(decode(readFileSync(join(folder, file)))).opset))
  expect([...opsets].sort((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, i) => 11 + i))
})

describe.each(files)('%s', (file) => {
  const bytes = readFileSync(join(folder, file))
  const tensors = tensorsOf(file)
  const open = decode(bytes)

  it('computes what PyTorch computes, also while the batch is a symbol', async () => {
    const graph = right(open)
    const feeds = feedsOf(tensors, graph)
    for (const form of file.includes('dynamic') ? [graph, bind(graph, { batch: 2 })] : [graph]) {
      const results = await runModel(encode({ ...form, parameters: 'initializers' }), feeds)
      const y = results.get('output')
      if (y === undefined) throw new Error('no output')
      expect(relativeError(y, tensor(tensors, 'output'))).toBeLessThan(2e-5)
    }
  })

  it('has PyTorch’s gradients for every weight', async () => {
    const graph = right(decode(bytes, { dims: { batch: 2 } }))
    const output = graph.outputs['output']
    const parameters = parametersOf(output).filter(([, { name }]) => !unsaid(file).includes(name))
    const difference = sub(output, input('target', 'float32', output.shape))
    const loss = reduceMean(mul(difference, difference), undefined, false)
    const gradients = right(
      grad(
        loss,
        parameters.map(([value]) => value),
      ),
    )
    const outputs = Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]))
    const feeds = { ...feedsOf(tensors, graph), target: tensor(tensors, 'target') }
    // Optimising a graph that runs once takes longer than running it.
    const options = { graphOptimizationLevel: 'disabled' } as const
    const results = await runModel(encode({ outputs, parameters: 'initializers' }), feeds, options)

    const references = referencesOf(file)
    const total = Math.hypot(...Object.values(references).map(({ norm }) => norm))
    const found = new Set<string>()
    parameters.forEach(([, node], i) => {
      const { name } = node
      expect(Object.keys(references)).toContain(name)
      const turned = turnOf(references, node)
      found.add(name)
      const gradient = toNumbers(tensor(results, `g${i}`))
      const { norm, gradient: expected } = references[name]
      const allowed = 1e-4 * norm + 2e-6 * total
      expect(Math.abs(Math.hypot(...gradient) - norm), name).toBeLessThan(allowed)
      expect(Math.abs(projection(gradient) - expected[turned]), name).toBeLessThan(3 * allowed)
    })
    expect([...found].sort()).toEqual(Object.keys(references).sort())
  })

  it('names its weights after their modules, however they are stored', () => {
    const names = parametersOf(right(open).outputs['output']).map(([, { name }]) => name)
    const known = Object.keys(referencesOf(file))
    expect(names.filter((name) => !known.includes(name))).toEqual(
      unsaid(file).filter((name) => names.includes(name)),
    )
  })
})
