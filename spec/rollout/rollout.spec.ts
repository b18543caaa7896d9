import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { ddpm, flow, type Path } from 'deriva/path'
import { normal } from 'deriva/random'
import { type Departure, noisedLatents, plan, rollout, runPrograms } from 'deriva/rollout'
import { dpm, euler, program, rk4, type Solver, trailing, unipc } from 'deriva/solver'
import { type ErrorOf, int64, type Parameterisation } from 'deriva/types'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toyDenoiser } from './toy-denoiser.js'

const elements = 3

/** Sample i of every batch is a function of its id alone. */
const departure = (path: Path, ids: ReadonlyArray<number>, seed: number, maxStepOffset = 10): Departure => {
  const x0 = new Float32Array(ids.length * elements)
  const noise = new Float32Array(ids.length * elements)
  ids.forEach((sample, i) => {
    normal({ seed, purpose: 'data', step: 0, sample }, x0, i * elements, elements)
    normal({ seed, purpose: 'noise', step: 0, sample }, noise, i * elements, elements)
  })
  const targets = ids.map((id) => (id * 97) % 990)
  return {
    x0,
    noise,
    spans: plan(
      { maxStepOffset, probability: () => 0.7 },
      { seed, step: 0 },
      Uint32Array.from(ids),
      targets,
      path,
    ),
    conditioning: {
      label: int64(
        [ids.length],
        ids.map((id) => id % 10),
      ),
    },
  }
}

const run = async (path: Path, solver: Solver, parameterisation: Parameterisation, from: Departure) => {
  const denoiser = toyDenoiser(parameterisation)
  const result = await rollout(path, solver)(denoiser, from)()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return { ...result.right, calls: denoiser.calls }
}

const solvers: ReadonlyArray<readonly [string, Solver, number]> = [
  ['euler', euler(), 1],
  ['dpm', dpm({ order: 2 }), 1],
  ['unipc', unipc({ order: 2 }), 1],
  ['rk4', rk4(), 4],
]

const cases = solvers.flatMap(([name, solver, stages]) => [
  [name, 'flow', flow(), 'flow_matching', solver, stages] as const,
  [name, 'ddpm', ddpm({ betaSchedule: 'linear' }), 'v_prediction', solver, stages] as const,
])

describe.each(cases)('rollout with %s on a %s path', (_, __, path, parameterisation, solver, stages) => {
  it('spends exactly Σ k·stages sample evaluations', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const from = departure(
          path,
          [...Array(16).keys()].map((i) => i + 1),
          seed,
        )
        const { evaluations, calls } = await run(path, solver, parameterisation, from)
        // A Runge–Kutta step that ends at sigma = 0 (flow, t = 0) is the one exception, and no target here is 0.
        const steps = from.spans.reduce((total, { source, target }) => total + source - target, 0)
        expect(evaluations).toBe(steps * stages)
        expect(calls.reduce((a, b) => a + b, 0)).toBe(evaluations)
        expect(calls.length).toBe(
          Math.max(...from.spans.map(({ source, target }) => source - target)) * stages,
        )
      }),
      { numRuns: 20 },
    )
  })

  it('gives every sample the same latent whatever the order and the packing of its batch', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7, 8], { minLength: 1 }),
        async (seed, ids) => {
          const whole = await run(
            path,
            solver,
            parameterisation,
            departure(path, [1, 2, 3, 4, 5, 6, 7, 8], seed),
          )
          const part = await run(path, solver, parameterisation, departure(path, ids, seed))
          ids.forEach((id, i) => {
            expect([...part.latents.subarray(i * elements, (i + 1) * elements)]).toEqual([
              ...whole.latents.subarray((id - 1) * elements, id * elements),
            ])
          })
        },
      ),
      { numRuns: 20 },
    )
  })

  it('leaves samples that do not move exactly on the schedule', async () => {
    const from = departure(path, [1, 2, 3, 4, 5, 6, 7, 8], 1)
    const { latents } = await run(path, solver, parameterisation, from)
    const ideal = noisedLatents(
      path,
      from.x0,
      from.noise,
      from.spans.map(({ target }) => target),
    )
    from.spans.forEach(({ source, target }, i) => {
      const rows = [latents, ideal].map((a) => [...a.subarray(i * elements, (i + 1) * elements)])
      if (source === target) expect(rows[0]).toEqual(rows[1])
      else expect(rows[0]).not.toEqual(rows[1])
    })
  })
})

describe('rollout', () => {
  it('arrives on the ideal latent when the model is the oracle', async () => {
    const path = flow()
    const from = departure(path, [1, 2, 3, 4], 3, 200)
    const oracle = pipe(rollout(path, unipc({ order: 2 })), (operator) =>
      operator(
        {
          parameterisation: 'flow_matching',
          // The velocity that leads every latent straight back to its x0 does not depend on the latent.
          predict: (_, timesteps, { label }) =>
            TE.right(
              Float32Array.from({ length: timesteps.length * elements }, (__, e) => {
                const i = Number(label.data[Math.floor(e / elements)]) - 1
                const at = i * elements + (e % elements)
                return from.noise[at] - from.x0[at]
              }),
            ),
        },
        from,
      ),
    )
    const result = await oracle()
    const ideal = noisedLatents(
      path,
      from.x0,
      from.noise,
      from.spans.map(({ target }) => target),
    )
    if (E.isLeft(result)) throw new Error(result.left.message)
    result.right.latents.forEach((x, e) => {
      expect(x).toBeCloseTo(ideal[e], 5)
    })
  })

  it('passes a failing model on as a value', async () => {
    const failure: ErrorOf<'EngineError'> = { _tag: 'EngineError', message: 'out of memory' }
    const failing = { parameterisation: 'flow_matching', predict: () => TE.left(failure) } as const
    const result = await rollout(flow(), euler())(failing, departure(flow(), [1, 2, 3, 4], 1))()
    expect(result).toEqual(E.left(failure))
  })

  it('never calls the model when nothing moves', async () => {
    const { evaluations, calls } = await run(
      flow(),
      euler(),
      'flow_matching',
      departure(flow(), [1, 2, 3], 1, 0),
    )
    expect([evaluations, calls]).toEqual([0, []])
  })

  it('follows from pure noise the trajectory that sampling takes with that noise', async () => {
    for (const [path, parameterisation] of [
      [flow(), 'flow_matching'],
      [ddpm({ betaSchedule: 'linear' }), 'v_prediction'],
    ] as const)
      for (const solver of [unipc({ order: 2 }), rk4()]) {
        const { x0, noise } = departure(path, [1, 2], 5)
        const grid = trailing(path, 10)
        const along = grid.slice(0, 7)
        const target = along[6].timestep
        const options = { maxStepOffset: 10, probability: () => 1, grid, source: 'trajectory' } as const
        const spans = plan(options, { seed: 1, step: 0 }, Uint32Array.of(1, 2), [target, target], path)
        const { latents } = await run(path, solver, parameterisation, { x0, noise, spans, conditioning: {} })
        const one = program(solver, path, parameterisation, along)
        const start = noise.map((x) => path.noisiest.sigma * x)
        const sampled = await runPrograms(toyDenoiser(parameterisation), [one, one], start, {})()
        if (E.isLeft(sampled)) throw new Error(sampled.left.message)
        expect(latents).toEqual(sampled.right.latents)
        // It knows nothing of the data.
        const other = { x0: x0.map((x) => x + 1), noise, spans, conditioning: {} }
        expect((await run(path, solver, parameterisation, other)).latents).toEqual(latents)
      }
  })
})
