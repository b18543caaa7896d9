import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { inspectCommand, inspection, inspectionText, peakBytes, type Terminal } from '../../lib/cli/index.js'
import {
  add,
  type Graph,
  input,
  matMul,
  maxPool,
  mul,
  parameter,
  relu,
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
      full: { weights: 11_767, stateBytes: 5 * 4 * 11_767 },
    })
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

  it('counts the bytes that live together', () => {
    const x = input('x', 'float32', [256])
    expect(peakBytes([add(relu(x), x)])).toBe(2048)
    expect(peakBytes([relu(relu(relu(x)))])).toBe(2048)
    expect(peakBytes([matMul(input('a', 'float32', [4, 8]), input('b', 'float32', [8, 2]))])).toBe(32)
    expect(peakBytes([maxPool(input('i', 'float32', [1, 1, 4, 4]), [2, 2], { strides: [2, 2] })])).toBe(16)
  })
})
