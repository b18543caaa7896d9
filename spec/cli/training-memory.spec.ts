import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { lora } from 'deriva/lora'
import { dit, type Model } from 'deriva/model'
import { input, mul, relu, sin } from 'deriva/onnx'
import { describe, expect, it } from 'vitest'
import { runOrder, trainingMemory } from '../../lib/cli/index.js'
import type { Parameterisation } from '../../lib/types/index.js'
import { right } from '../either.js'

const bytes = (model: Model<Parameterisation>, batchSize: number): number =>
  right(trainingMemory(model, batchSize))

const model = dit({
  parameterisation: 'epsilon',
  sample: [4, 16, 16],
  patch: 2,
  width: 64,
  depth: 3,
  seed: 1,
})
const adapted = right(lora({ rank: 4, alpha: 4, targets: ['*'], seed: 1 })(model))

describe('the memory that training takes', () => {
  it('grows with the batch, in the end by as much for every sample', () => {
    for (const one of [model, adapted]) {
      const [a, b, c] = [64, 128, 192].map((batch) => bytes(one, batch))
      expect(b).toBeGreaterThan(a)
      expect(Math.abs(c - b - (b - a)) / (b - a)).toBeLessThan(0.01)
    }
  })

  it('is less for adapters than for all weights', () => {
    expect(bytes(adapted, 1)).toBeLessThan(bytes(model, 1))
  })

  it('is what a process takes', { timeout: 180_000 }, () => {
    const root = join(import.meta.dirname, '../..')
    for (const adapts of [false, true]) {
      const rows = JSON.parse(
        execFileSync(
          process.execPath,
          [
            '--import',
            'tsx',
            'bench/training-memory.ts',
            `--compare=${JSON.stringify({ model: 1536, lora: adapts, batch: 4 })}`,
          ],
          { cwd: root, encoding: 'utf8', env: { ...process.env, TSX_TSCONFIG_PATH: 'tsconfig.json' } },
        ),
      ) as { readonly measured: number; readonly estimated: number }
      expect(rows.estimated / rows.measured).toBeGreaterThan(0.8)
      expect(rows.estimated / rows.measured).toBeLessThan(1.25)
    }
  })
})

describe('the order in which ONNX Runtime runs operators', () => {
  const x = input('x', 'float32', [4])

  it('takes inputs before users, each once, from the last output on', () => {
    const [a, b] = [relu(x), sin(relu(x))]
    const y = mul(a, b)
    const order = runOrder([y, sin(x)])
    expect(order.map(({ operator }) => operator)).toEqual(['Sin', 'Relu', 'Sin', 'Relu', 'Mul'])
    order.forEach((node, i) => {
      for (const source of node.inputs)
        if (source?.node.kind === 'operator') expect(order.indexOf(source.node)).toBeLessThan(i)
    })
  })
})
