import { grad } from 'deriva/autodiff'
import { openSession } from 'deriva/engine'
import { mlp } from 'deriva/model'
import { bind, encode, leaves, mul, reduceSum, type Value } from 'deriva/onnx'
import { ddpm, flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { runPrograms, unrolled, unrolledFeeds } from 'deriva/rollout'
import { dpm, euler, program, type Program, rk4, trailing, unipc, unitSteps } from 'deriva/solver'
import { type Parameters, sessionDenoiser } from 'deriva/train'
import { float32, int64, type Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { right } from '../either.js'

const parameterisation = 'flow_matching'
const path = flow()
const shape = { evaluations: 12, registers: 5 }
const width = { width: 16, depth: 1, classes: 3, seed: 1 }
/** Small random weights everywhere: the last layer of a fresh model is zero. */
const model = mlp({ parameterisation, sample: [3], ...width })
const weights: Parameters = Object.fromEntries(
  leaves([model.prediction]).flatMap(({ node }, sample) => {
    if (node.kind !== 'parameter') return []
    const data = normal(
      { seed: 4, purpose: 'data', step: 0, sample },
      new Float32Array(node.initial.data.length),
    )
    return [
      [
        node.name,
        float32(
          node.initial.dims,
          data.map((x) => 0.3 * x),
        ),
      ],
    ]
  }),
)

const programs: ReadonlyArray<Program> = [
  program(euler(), path, parameterisation, trailing(path, 10)),
  program(unipc({ order: 3 }), path, parameterisation, trailing(path, 12)),
  program(rk4(), path, parameterisation, unitSteps(path, 503, 500)),
  program(
    dpm({ order: 2 }),
    ddpm({ betaSchedule: 'linear' }),
    parameterisation,
    trailing(ddpm({ betaSchedule: 'linear' }), 7),
  ),
  program(euler(), path, parameterisation, []),
]
const start = normal({ seed: 2, purpose: 'prior', step: 0, sample: 0 }, new Float32Array(3 * programs.length))
const label = int64([programs.length], [0, 1, 2, 3, 0])
const given: Readonly<Record<string, Tensor>> = {
  ...weights,
  label,
  start: float32([programs.length, 3], start),
  noise: float32(
    [programs.length, shape.evaluations, 3],
    new Float32Array(shape.evaluations * programs.length * 3),
  ),
  ...unrolledFeeds(programs, shape),
}

describe('unrolled', () => {
  it('equals the step-by-step form to float32 rounding, for different solvers in one batch', async () => {
    const forward = right(
      await openSession(encode({ outputs: { prediction: model.prediction }, parameters: 'inputs' }))(),
    )
    const denoiser = sessionDenoiser(forward, model, weights)
    const stepwise = right(await runPrograms(denoiser, programs, start, { label })())
    const session = right(
      await openSession(encode({ outputs: { latents: unrolled(model, shape) }, parameters: 'inputs' }))(),
    )
    const inGraph = right(await session.run(given)())['latents'].data
    stepwise.latents.forEach((x, i) => {
      expect(Math.abs(Number(inGraph[i]) - x)).toBeLessThan(1e-5 * Math.max(1, Math.abs(x)))
    })
    expect(stepwise.latents.some((x, i) => Math.abs(x - start[i]) > 0.1)).toBe(true)
  })

  it('can be differentiated: backpropagation through a whole trajectory agrees with finite differences', async () => {
    const whole = unrolled(model, shape)
    const inputs = leaves([whole]).filter(({ node }) => node.kind === 'input')
    const { latents } = bind(
      { inputs, outputs: { latents: whole }, opset: 21, metadata: {} },
      { batch: programs.length },
    ).outputs
    const objective = reduceSum(mul(latents, latents), undefined, false)
    const find = (name: string): Value => {
      const leaf = leaves([objective]).find(
        ({ node }) => node.kind !== 'constant' && node.kind !== 'operator' && node.name === name,
      )
      if (leaf === undefined) throw new Error(name)
      return leaf
    }
    const wrt = ['start', 'in.weight', 'head.weight', 'blocks.0.in.weight']
    const gradients = right(grad(objective, wrt.map(find)))
    const session = right(
      await openSession(
        encode({
          outputs: { objective, ...Object.fromEntries(gradients.map((g, i) => [`g${i}`, g])) },
          parameters: 'inputs',
        }),
      )(),
    )
    const base = right(await session.run(given)())
    for (const [i, name] of wrt.entries()) {
      const tensor = given[name]
      const direction = normal(
        { seed: 9, purpose: 'data', step: 0, sample: i },
        new Float32Array(tensor.data.length),
      )
      const step = 2e-3
      const moved = async (h: number): Promise<number> => {
        const data = Float32Array.from(direction, (d, e) => Number(tensor.data[e]) + h * d)
        return Number(
          right(await session.run({ ...given, [name]: float32(tensor.dims, data) })())['objective'].data[0],
        )
      }
      const difference = ((await moved(step)) - (await moved(-step))) / (2 * step)
      const slope = direction.reduce((sum, d, e) => sum + d * Number(base[`g${i}`].data[e]), 0)
      expect(Math.abs(slope - difference) / Math.max(1, Math.abs(difference))).toBeLessThan(1e-2)
    }
  })

  it('says which program does not fit', () => {
    expect(() => unrolledFeeds(programs, { evaluations: 5, registers: 5 })).toThrow(/10 evaluations/)
  })
})
