import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type JumpInput, jumpInputs, type PointInput } from 'deriva/loss'
import { ddpm, flow } from 'deriva/path'
import { normal, uniform } from 'deriva/random'
import type { Denoiser } from 'deriva/rollout'
import { ddim, euler } from 'deriva/solver'
import {
  corrected,
  dataset,
  dream,
  jumped,
  type Noised,
  noised,
  perturbed,
  type Pipeline,
  renoised,
  renoisedPoints,
  rollout,
  slowed,
  withDenoiser,
} from 'deriva/stream'
import type { Parameterisation } from 'deriva/types'
import { firstValueFrom } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toySource, toyTrainer } from './toy.js'

/** Training methods against their published formulas, on a model that predicts a third of its latents. */

const seed = 3
const step = 7
const batchSize = 6
const source = dataset(toySource(batchSize))

const third = <P extends Parameterisation>(parameterisation: P): Denoiser<P> => ({
  parameterisation,
  predict: (latents) => TE.right(latents.map((x) => x / 3)),
})
const run = <P extends Parameterisation, G extends string = never>(
  pipeline: Pipeline<P, Noised<G, boolean>>,
  parameterisation: P,
): Promise<Noised<G, boolean>> =>
  firstValueFrom(
    pipeline({
      state: { ...toyTrainer(parameterisation).initial, step },
      seed,
      denoiser: third(parameterisation),
    }),
  )
const close = (actual: Float32Array, expected: (e: number, i: number) => number, digits = 5): void => {
  actual.forEach((x, e) => {
    expect(x).toBeCloseTo(expected(e, e >> 1), digits)
  })
}
const vp = ddpm({ betaSchedule: 'linear' })
const always = { maxStepOffset: 1, stride: 40, probability: () => 1, strategy: 'uniform' } as const

describe('input perturbation', () => {
  it('gives the model √ᾱ·x0 + √(1−ᾱ)·(ε + γξ) and asks for ε', async () => {
    const plain = await run(pipe(source, noised(vp)), 'epsilon')
    const { latents, target, ideal, x0, noise, timesteps, ids } = await run(
      pipe(source, noised(vp), perturbed(0.1)),
      'epsilon',
    )
    const xi = Array.from(ids, (sample) =>
      normal({ seed, purpose: 'perturbation', step, sample }, new Float32Array(2)),
    )
    close(latents, (e, i) => {
      const { alpha, sigma } = vp.at(timesteps[i])
      return alpha * x0[e] + sigma * (noise[e] + 0.1 * xi[i][e & 1])
    })
    expect(target).toEqual(noise)
    // The pair itself is drawn as it would be without.
    expect(ideal).toEqual(plain.ideal)
  })

  it('is nothing at γ = 0', async () => {
    const { latents, ideal } = await run(pipe(source, noised(flow()), perturbed(0)), 'flow_matching')
    expect(latents).toEqual(ideal)
  })
})

describe('slowed interpolation', () => {
  it('shows the point at σ + u·γ·(1 − σ) under the time σ, target unchanged', async () => {
    const plain = await run(pipe(source, noised(flow())), 'flow_matching')
    const slow = await run(pipe(source, noised(flow()), slowed(0.8)), 'flow_matching')
    close(slow.latents, (e, i) => {
      const sigma = slow.timesteps[i] / 1000
      const u = uniform({ seed, purpose: 'slowness', step, sample: slow.ids[i] })
      const input = sigma + u * 0.8 * (1 - sigma)
      return (1 - input) * slow.x0[e] + input * slow.noise[e]
    })
    expect(slow.timesteps).toEqual(plain.timesteps)
    expect(slow.target).toEqual(plain.target)
  })
})

describe('DREAM', () => {
  it('adds σ·λ·Δ to the input and λ·Δ to the target, λ = σ^p', async () => {
    for (const detail of [0, 1, 2]) {
      const { latents, target, ideal, noise, timesteps, rollout } = await run(
        pipe(source, noised(vp), dream({ detail })),
        'epsilon',
      )
      const moved = (e: number, i: number): number =>
        vp.at(timesteps[i]).sigma ** detail * (noise[e] - ideal[e] / 3)
      close(latents, (e, i) => ideal[e] + vp.at(timesteps[i]).sigma * moved(e, i))
      close(target, (e, i) => noise[e] + moved(e, i))
      expect(rollout.evaluations).toBe(batchSize)
    }
  })
})

describe('MDSS', () => {
  it.each([1, 3])(
    'shows what DDIM makes of x_{t+k} with the current weights in up to %i steps, and asks for ε',
    async (maxStepOffset) => {
      const plan = { maxStepOffset, stride: 40, probability: () => 1 }
      const early = noised(vp, (_, u) => Math.floor(800 * u))
      const {
        latents,
        target,
        x0,
        noise,
        timesteps,
        ids,
        rollout: done,
      } = await run(pipe(source, early, rollout(ddim({ eta: 0 }), plan)), 'epsilon')
      const lengths = Array.from(ids, (sample) =>
        Math.floor(uniform({ seed, purpose: 'rollout', step, sample }, 1) * (maxStepOffset + 1)),
      )
      close(latents, (e, i) => {
        const start = vp.at(timesteps[i] + 40 * lengths[i])
        let x = start.alpha * x0[e] + start.sigma * noise[e]
        for (let k = lengths[i]; k > 0; k--) {
          const [from, to] = [vp.at(timesteps[i] + 40 * k), vp.at(timesteps[i] + 40 * (k - 1))]
          const epsilon = x / 3
          x = (to.alpha * (x - from.sigma * epsilon)) / from.alpha + to.sigma * epsilon
        }
        return x
      })
      expect(target).toEqual(noise)
      expect(done.evaluations).toBe(lengths.reduce((a, b) => a + b, 0))
      expect(Math.max(...lengths)).toBe(maxStepOffset)
    },
  )
})

describe('the jump of DEFAR', () => {
  it('goes to a time drawn uniformly between clean data and its own, and leaves all else as it was', async () => {
    const many = 4000
    const start = pipe(dataset(toySource(many)), noised(flow()))
    const plain = await run(start, 'flow_matching')
    const { given, ...rest } = await run<'flow_matching', JumpInput>(pipe(start, jumped()), 'flow_matching')
    const [times, sigmas] = [given[jumpInputs.timestep].data, given[jumpInputs.sigma].data]
    const shares = Float64Array.from(plain.timesteps, (t, i) => Number(times[i]) / t).sort()
    // Kolmogorov's bound at p = 0.001.
    const farthest = Math.max(...shares.map((share, i) => Math.abs(share - (i + 0.5) / many)))
    expect(farthest).toBeLessThan(1.95 / Math.sqrt(many))
    plain.timesteps.forEach((_, i) => {
      expect(Number(sigmas[i])).toBeCloseTo(Number(times[i]) / 1000, 6)
    })
    expect(given[jumpInputs.noise].data).toEqual(plain.noise)
    expect({ ...rest, given: plain.given }).toEqual(plain)
  })
})

describe('the target of a rollout', () => {
  it('is the original one unless asked otherwise, and corrected only where a sample moved', async () => {
    const original = await run(pipe(source, noised(flow()), rollout(euler(), always)), 'flow_matching')
    const moved = await run(
      pipe(source, noised(flow()), rollout(euler(), { ...always, target: 'corrected' })),
      'flow_matching',
    )
    const staged = await run(
      pipe(source, noised(flow()), rollout(euler(), always), corrected()),
      'flow_matching',
    )
    expect(new Set(original.rollout.rolled)).toEqual(new Set([0, 1]))
    expect(moved.latents).toEqual(original.latents)
    expect(staged.target).toEqual(moved.target)
    moved.rollout.rolled.forEach((rolled, i) => {
      const sigma = moved.timesteps[i] / 1000
      for (let e = 2 * i; e < 2 * i + 2; e++)
        if (rolled === 0) expect(moved.target[e]).toBe(original.target[e])
        else if (sigma > 0.05)
          expect(moved.target[e]).toBeCloseTo((moved.latents[e] - moved.x0[e]) / sigma, 4)
    })
  })
})

describe('SOAR', () => {
  it('trains points between where a rollout ended and its own noise beside every sample, towards (x′ − x0)/σ′', async () => {
    const half = { ...always, probability: () => 0.6 }
    const start = await run(pipe(source, noised(flow()), rollout(euler(), half)), 'flow_matching')
    const points = 4
    const soar = await run<'flow_matching', PointInput>(
      pipe(source, noised(flow()), rollout(euler(), half), renoisedPoints({ points }).renoised),
      'flow_matching',
    )
    // The samples themselves are plain ones again.
    expect(soar.latents).toEqual(start.ideal)
    expect(soar.target).toEqual(start.target)
    expect(soar.timesteps).toEqual(start.timesteps)
    expect(soar.rollout.rolled).toEqual(new Float32Array(batchSize))
    expect(soar.rollout).toMatchObject({ count: start.rollout.count, drift: start.rollout.drift })
    expect(start.rollout.drift).toBeGreaterThan(0)
    const { given } = soar
    expect(given.point_counts.data).toEqual(start.rollout.rolled)
    expect(new Set(start.rollout.rolled)).toEqual(new Set([0, 1]))
    expect(given.point_latents.dims).toEqual([batchSize, points, 2])
    expect(given.point_timestep.dims).toEqual([batchSize, points])
    const times = Array.from(given.point_timestep.data, Number)
    expect(new Set(times).size).toBe(times.length)
    times.forEach((time, place) => {
      const i = Math.floor(place / points)
      const [t, later] = [start.timesteps[i] / 1000, time / 1000]
      expect(later).toBeGreaterThan(t)
      expect(later).toBeLessThan(1)
      expect(Number(given.point_sigma.data[place])).toBeCloseTo(later, 6)
      expect(Number(given.point_alpha.data[place])).toBeCloseTo(1 - later, 6)
      const a = (later - t) / (1 - t)
      for (const e of [0, 1]) {
        const [from, to] = [2 * i + e, 2 * place + e]
        const x = (1 - a) * start.latents[from] + a * start.noise[from]
        expect(Number(given.point_latents.data[to])).toBeCloseTo(x, 5)
        const ideal = (1 - later) * start.x0[from] + later * start.noise[from]
        expect(Number(given.point_ideal.data[to])).toBeCloseTo(ideal, 5)
        if (later > 0.05)
          expect(Number(given.point_target.data[to])).toBeCloseTo((x - start.x0[from]) / later, 4)
      }
    })
  })

  it('asks for the undrifted velocity where told to', async () => {
    const { given, noise } = await run<'epsilon', PointInput>(
      pipe(
        source,
        noised(vp),
        rollout(euler(), always),
        renoisedPoints({ points: 2, target: 'original' }).renoised,
      ),
      'epsilon',
    )
    expect(Array.from(given.point_timestep.data, Number).every(Number.isInteger)).toBe(true)
    Array.from(given.point_target.data, Number).forEach((x, e) => {
      expect(x).toBe(noise[Math.floor(e / 4) * 2 + (e % 2)])
    })
  })

  it('re-noises, at no cost, what moved towards its own noise, and asks for (x′ − x0)/σ′', async () => {
    const start = await run(pipe(source, noised(flow()), rollout(euler(), always)), 'flow_matching')
    const soar = await run(
      pipe(source, noised(flow()), rollout(euler(), always), renoised(), corrected()),
      'flow_matching',
    )
    start.rollout.rolled.forEach((rolled, i) => {
      const [t, later] = [start.timesteps[i] / 1000, soar.timesteps[i] / 1000]
      if (rolled === 0) expect(later).toBe(t)
      else expect(later).toBeGreaterThan(t)
      const a = (later - t) / (1 - t)
      for (let e = 2 * i; e < 2 * i + 2; e++) {
        const x = (1 - a) * start.latents[e] + a * soar.noise[e]
        expect(soar.latents[e]).toBeCloseTo(x, 5)
        if (later > 0.05) expect(soar.target[e]).toBeCloseTo((x - soar.x0[e]) / later, 4)
      }
    })
  })

  it('keeps to the timesteps of a discrete path', async () => {
    const { timesteps, latents, ideal, target, noise } = await run(
      pipe(source, noised(vp), rollout(euler(), { ...always, probability: () => 1 }), renoised()),
      'epsilon',
    )
    expect(timesteps.every(Number.isInteger)).toBe(true)
    expect(target).toEqual(noise)
    expect([...latents, ...ideal].every(Number.isFinite)).toBe(true)
  })
})

describe('a stage with its own denoiser', () => {
  it('leaves the others theirs', async () => {
    const still = (denoiser: Denoiser<'flow_matching'>): Denoiser<'flow_matching'> => ({
      ...denoiser,
      predict: (latents) => TE.right(latents.map(() => 0)),
    })
    const inner = withDenoiser(still)(rollout(euler(), always))
    const {
      latents,
      x0,
      noise,
      timesteps,
      rollout: done,
    } = await run(pipe(source, noised(flow()), inner), 'flow_matching')
    // A velocity of 0 stays where it started.
    done.rolled.forEach((rolled, i) => {
      if (rolled === 0) return
      const sigma = Math.min(1000, timesteps[i] + 40) / 1000
      for (let e = 2 * i; e < 2 * i + 2; e++)
        expect(latents[e]).toBeCloseTo((1 - sigma) * x0[e] + sigma * noise[e], 5)
    })
  })
})
