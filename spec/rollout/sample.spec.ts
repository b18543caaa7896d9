import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { ddpm, flow, type Path } from 'deriva/path'
import { type Denoiser, guided, sample } from 'deriva/rollout'
import { euler, rk4, type Solver, trailing, unipc } from 'deriva/solver'
import { type Conditioning, int64 } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { toyDenoiser } from './toy-denoiser.js'

/** The exact denoiser of data that is N(mean, deviation²), so that samples have a known distribution. */
const gaussian = (path: Path, mean: number, deviation: number): Denoiser<'flow_matching'> => ({
  parameterisation: 'flow_matching',
  predict: (latents, timesteps) =>
    TE.right(
      latents.map((x, i) => {
        const { alpha, sigma } = path.at(timesteps[i])
        const variance = alpha ** 2 * deviation ** 2 + sigma ** 2
        const u = x - alpha * mean
        return (sigma * u) / variance - (mean + (alpha * deviation ** 2 * u) / variance)
      }),
    ),
})

const draw = async (
  path: Path,
  solver: Solver,
  steps: number,
  count: number,
  seed = 1,
  denoiser = gaussian(path, 2, 0.5),
) => {
  const result = await sample(denoiser, {
    path,
    solver,
    grid: trailing(path, steps),
    count,
    elements: 1,
    conditioning: {},
    seed,
  })()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}

describe('sample', () => {
  it.each([
    ['flow', flow(), unipc({ order: 2 })],
    ['flow', flow(), rk4()],
    ['ddpm', ddpm({ betaSchedule: 'squaredcos_cap_v2' }), unipc({ order: 3 })],
  ])('draws from the distribution that the model knows, on a %s path', async (_, path, solver) => {
    const n = 4000
    const { latents } = await draw(path, solver, 20, n)
    const mean = latents.reduce((a, b) => a + b, 0) / n
    const deviation = Math.sqrt(latents.reduce((a, b) => a + (b - mean) ** 2, 0) / n)
    expect(mean).toBeCloseTo(2, 1)
    expect(Math.abs(deviation - 0.5)).toBeLessThan(0.03)
  })

  it('gives sample i whatever the number of samples', async () => {
    const few = await draw(flow(), euler(), 5, 3)
    const many = await draw(flow(), euler(), 5, 10)
    expect([...many.latents.subarray(0, 3)]).toEqual([...few.latents])
    expect((await draw(flow(), euler(), 5, 3, 2)).latents).not.toEqual(few.latents)
  })

  it('spends steps evaluations a sample', async () => {
    expect((await draw(flow(), euler(), 7, 3)).evaluations).toBe(21)
  })
})

describe('guided', () => {
  const latents = Float32Array.of(0.5, -1)
  const timesteps = Float32Array.of(500, 500)
  const given = { label: int64([2], [1, 2]) }
  const empty = { label: int64([1], [10]) }
  const predict = async (scale: number): Promise<ReadonlyArray<number>> => {
    const denoiser = guided(toyDenoiser('epsilon'), { scale, empty })
    const result = await denoiser.predict(latents, timesteps, given)()
    return E.isRight(result) ? [...result.right] : []
  }

  it('is linear in its scale, unconditional at 0 and conditional at 1', async () => {
    const [zero, one, three] = [await predict(0), await predict(1), await predict(3)]
    zero.forEach((x, i) => {
      expect(x - Math.tanh(latents[i]) * 0.5).toBeCloseTo(1, 5)
      expect(three[i]).toBeCloseTo(x + 3 * (one[i] - x), 5)
    })
  })

  it('costs nothing at scale 1', async () => {
    const denoiser = toyDenoiser('epsilon')
    await guided(denoiser, { scale: 1, empty }).predict(latents, timesteps, given)()
    expect(denoiser.calls).toEqual([2])
  })

  it('leaves out what stands for "anything", and keeps what nothing stands for', async () => {
    const seen: Conditioning[] = []
    const denoiser: Denoiser<'epsilon'> = {
      parameterisation: 'epsilon',
      predict: (x, _, conditioning) => {
        seen.push(conditioning)
        return TE.right(x)
      },
    }
    const both = { ...given, place: int64([2], [5, 6]) }
    await guided(denoiser, { scale: 2, empty: { ...empty, other: int64([1], [1]) } }).predict(
      latents,
      timesteps,
      both,
    )()
    expect(seen).toEqual([both, { label: int64([2], [10, 10]), place: int64([2], [5, 6]) }])
  })

  it('counts two evaluations wherever it is asked', async () => {
    const { evaluations } = await draw(flow(), euler(), 7, 3, 1, {
      ...gaussian(flow(), 2, 0.5),
      ...guided(gaussian(flow(), 2, 0.5), { scale: 3, empty: {} }),
    })
    expect(evaluations).toBe(42)
  })
})
