import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  type Described,
  inspectCommand,
  inspection,
  inspectionText,
  peakBytes,
  type Terminal,
} from '../../lib/cli/index.js'
import {
  add,
  type Graph,
  input,
  matMul,
  maxPool,
  mul,
  parameter,
  relu,
  reshape,
  topological,
  type Value,
} from '../../lib/onnx/index.js'
import { float32 } from '../../lib/types/index.js'

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures/exported', name)

const inspected = async (path: string, options = {}): Promise<string> => {
  const printed: string[] = []
  const terminal: Terminal = {
    print: (text) => {
      printed.push(text)
    },
    tell: () => undefined,
    interactive: false,
    columns: 80,
  }
  const outcome = await inspectCommand(path, options, terminal)()
  if (E.isLeft(outcome)) throw new Error(outcome.left.message)
  return printed.join('\n')
}

describe('deriva inspect', () => {
  it.each(['unet-script-17-dynamic.onnx', 'sdxl-dynamo-21-dynamic.onnx', 'sd3-dynamo-20.onnx'])(
    'tells what %s is, within 80 columns',
    async (name) => {
      const text = await inspected(fixture(name))
      expect(text).toMatch(/timestep +(int64|float32)\[(batch|2)\] +timestep/)
      expect(text).toContain('Can be trained')
      expect(text).toContain('LoRA targets')
      const lines = text.split('\n').slice(2)
      expect(lines.filter((line) => line.length > 80)).toEqual([])
    },
  )

  it('tells programs the same', async () => {
    const found = JSON.parse(
      await inspected(fixture('unet-script-17-dynamic.onnx'), { json: true }),
    ) as Record<string, unknown>
    expect(found).toMatchObject({
      weights: 11_767,
      time: 'timestep',
      parameterisation: { likely: ['epsilon', 'v_prediction'] },
      problems: [],
      blockers: [],
      full: { weights: 11_767 },
    })
  })

  it('tells programs what the guide says, by these names', async () => {
    const guide = readFileSync(join(import.meta.dirname, '../../docs/your-own-model.md'), 'utf8')
    const table = guide.slice(guide.indexOf('| field '), guide.indexOf('## 3.'))
    const documented = new Set([...table.matchAll(/`([^`]+)`/g)].map(([, name]) => name))
    const found = JSON.parse(await inspected(fixture('flux-dynamo-24.onnx'), { json: true })) as Record<
      string,
      unknown
    >
    /** Names of fields at any depth, but those of `operators`, which are operators. */
    const names = (value: unknown): ReadonlyArray<string> =>
      Array.isArray(value)
        ? value.flatMap(names)
        : typeof value === 'object' && value !== null
          ? Object.entries(value).flatMap(([name, inner]) => [
              name,
              ...(name === 'operators' ? [] : names(inner)),
            ])
          : []
    expect([...new Set(names(found))].filter((name) => !documented.has(name))).toEqual([])
    const roles = found['inputs'] as ReadonlyArray<Pick<Described, 'name' | 'role'>>
    expect(Object.fromEntries(roles.map(({ name, role }) => [name, role]))).toEqual({
      hidden_states: 'latents',
      encoder_hidden_states: 'conditioning',
      pooled_projections: 'conditioning',
      timestep: 'timestep',
      img_ids: 'shared',
      txt_ids: 'shared',
    })
    for (const { role } of roles) expect(documented).toContain(role)
    expect(found['outputs']).toMatchObject([{ role: 'prediction' }])
    for (const way of ['full', 'lora'])
      expect(found[way]).toMatchObject({ memory: [{ batchSize: 1 }, { batchSize: 16 }] })
  })

  it('refuses what is no file or no model', async () => {
    await expect(inspected(fixture('none.onnx'))).rejects.toThrow('none.onnx')
    await expect(inspected(fixture('unet.json'))).rejects.toThrow('not an ONNX model')
    await expect(inspected(fixture('unet-script-17-dynamic.onnx'), { dims: { a: 'x' } })).rejects.toThrow(
      '--dims',
    )
  })

  const graphOf = (inputs: ReadonlyArray<Value>, y: Value): Graph => ({
    inputs,
    outputs: { y },
    opset: 21,
    metadata: {},
  })
  const t = input('t', 'float32', ['batch'])

  it('says what the batch and open axes stand in the way of', () => {
    const x = input('x', 'float32', ['batch', 'width'])
    const open = inspection('open.onnx', graphOf([x, t], mul(x, parameter('w', float32([1], [1])))))
    expect(open.problems.join()).toContain('width')
    expect(open.full).toBeNull()
    expect(inspectionText(open)).toContain('Cannot be trained')
  })

  it('says which weights the file lost, and what it took for constants', () => {
    const x = input('x', 'float32', ['batch', 1])
    const graph = graphOf([x, t], mul(x, parameter('w', float32([1], [1]))))
    const doubts = { lost: ['a.g', 'b.g', 'c.g', 'd.g', 'e.g'], guessed: ['table_1'] }
    const found = inspection('doubtful.onnx', { ...graph, doubts })
    expect(found.notes).toHaveLength(2)
    expect(found.notes[0]).toMatch(/a\.g, b\.g, c\.g and 2 more\..*optimize=False/)
    expect(found.notes[1]).toMatch(/constants.*: table_1\./)
    expect(inspectionText(found)).toContain('Of its weights\n  - Not among')
    expect(inspection('plain.onnx', graph).notes).toEqual([])
  })

  it('counts the bytes that live together', () => {
    const peak = (y: Value): number => peakBytes([y], topological([y]))
    const x = input('x', 'float32', [256])
    expect(peak(add(relu(x), x))).toBe(2048)
    expect(peak(relu(relu(relu(x))))).toBe(2048)
    expect(peak(matMul(input('a', 'float32', [4, 8]), input('b', 'float32', [8, 2])))).toBe(32)
    expect(peak(maxPool(input('i', 'float32', [1, 1, 4, 4]), [2, 2], { strides: [2, 2] }))).toBe(16)
    // Another shape is the same memory, which stays as long as one of them is read.
    expect(peak(relu(reshape(relu(x), [16, 16])))).toBe(2048)
    const y = relu(x)
    expect(peak(add(reshape(relu(reshape(y, [16, 16])), [256]), y))).toBe(3072)
  })
})
