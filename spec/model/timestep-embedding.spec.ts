import { timestepEmbedding } from 'deriva/model'
import { input } from 'deriva/onnx'
import { float32 } from 'deriva/types'
import { expect, it } from 'vitest'
import { evaluate } from './evaluate.js'

it('timestepEmbedding is cosines, then sines, of geometrically falling frequencies', async () => {
  const times = [0, 1, 250.5, 1000]
  const embedded = timestepEmbedding(input('timestep', 'float32', ['batch']), 6)
  const { dims, data } = await evaluate(embedded, { timestep: float32([4], times) })
  expect(dims).toEqual([4, 6])
  const frequencies = [1, 10_000 ** (-1 / 3), 10_000 ** (-2 / 3)]
  const want = times.flatMap((t) => [Math.cos, Math.sin].flatMap((f) => frequencies.map((w) => f(t * w))))
  want.forEach((x, i) => {
    expect(Number(data[i])).toBeCloseTo(x, 4)
  })
})
