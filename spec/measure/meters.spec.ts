import {
  blurWarning,
  deviationOf,
  distances,
  ensembleOf,
  jackknife,
  norms,
  predictionBias,
  relativeSharpness,
  sharpness,
  shownSnr,
  slowFlowTimes,
  studentT,
  systematicShare,
  varianceError,
  varianceOf,
} from 'deriva/measure'
import { ddpm, flow, lambda, type Path } from 'deriva/path'
import { normal } from 'deriva/random'
import { noisedLatents } from 'deriva/rollout'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const draw = (seed: number, sample: number, length: number): Float32Array =>
  normal({ seed, purpose: 'data', step: 0, sample }, new Float32Array(length))

const seeds = fc.integer({ min: 0, max: 1e6 })
const plus = (a: Float32Array, b: Float32Array, weight = 1): Float32Array =>
  a.map((x, e) => x + weight * b[e])

describe('norms and distances', () => {
  it('agree with each other, and obey the triangle', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [a, b, c] = [0, 1, 2].map((i) => draw(seed, i, 12))
        const zero = new Float32Array(12)
        distances(a, zero, 3).forEach((d, i) => {
          expect(d).toBeCloseTo(norms(a, 3)[i], 12)
        })
        distances(a, c, 3).forEach((d, i) => {
          expect(d).toBeLessThanOrEqual(distances(a, b, 3)[i] + distances(b, c, 3)[i] + 1e-12)
        })
      }),
    )
  })
})

describe('predictionBias', () => {
  it('of a prediction that is c times as long, is |c − 1| with a cosine of the sign of c', () => {
    fc.assert(
      fc.property(seeds, fc.constantFrom(-2, 0.5, 1, 3), (seed, c) => {
        const ideal = draw(seed, 0, 20)
        const { relative, cosine } = predictionBias(
          ideal.map((x) => c * x),
          ideal,
          4,
        )
        for (const r of relative) expect(r).toBeCloseTo(Math.abs(c - 1), 6)
        for (const k of cosine) expect(k).toBeCloseTo(Math.sign(c), 6)
      }),
    )
  })

  it('obeys the law of cosines', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [biased, ideal] = [draw(seed, 0, 9), draw(seed, 1, 9)]
        const { relative, cosine } = predictionBias(biased, ideal, 1)
        const ratio = norms(biased, 1)[0] / norms(ideal, 1)[0]
        expect(relative[0] ** 2).toBeCloseTo(1 + ratio ** 2 - 2 * ratio * cosine[0], 6)
      }),
    )
  })
})

describe('slowFlowTimes', () => {
  const paths: ReadonlyArray<readonly [string, Path]> = [
    ['flow', flow()],
    ['ddpm', ddpm({ betaSchedule: 'squaredcos_cap_v2' })],
    ['ddpm with zero terminal signal', ddpm({ betaSchedule: 'linear', rescaleZeroTerminalSnr: true })],
  ]

  it.each(paths)('of a latent that lies on the path is its own timestep: %s', (_, path) => {
    fc.assert(
      fc.property(
        seeds,
        fc.double({ min: 1, max: path.noisiest.timestep, noNaN: true }),
        (seed, timestep) => {
          const [x0, noise] = [draw(seed, 0, 64), draw(seed, 1, 64)]
          const latents = noisedLatents(path, x0, noise, [timestep])
          expect(Math.abs(slowFlowTimes(path, latents, x0, noise, 1)[0] - timestep)).toBeLessThan(0.02)
        },
      ),
    )
  })

  it.each(paths)('is nearer than every timestep of the grid, for any latent: %s', (_, path) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [x0, noise, rolled] = [0, 1, 2].map((i) => draw(seed, i, 16))
        const distance = (timestep: number): number =>
          distances(rolled, noisedLatents(path, x0, noise, [timestep]), 1)[0]
        const found = distance(slowFlowTimes(path, rolled, x0, noise, 1)[0])
        for (let t = 0; t <= path.noisiest.timestep; t++) expect(found).toBeLessThan(distance(t) + 1e-5)
      }),
      { numRuns: 8 },
    )
  })
})

describe('shownSnr', () => {
  it('of noised data is lambda, up to chance', () => {
    const path = ddpm({ betaSchedule: 'linear' })
    const [x0, noise] = [draw(1, 0, 40_000), draw(1, 1, 40_000)]
    for (const t of [100, 400, 700]) {
      const at = path.at(t)
      expect(shownSnr(noisedLatents(path, x0, noise, [t]), x0, 1)[0]).toBeCloseTo(lambda(at), 1)
    }
  })

  it('falls by log 2 where the noise doubles, exactly, for noise that is at right angles', () => {
    const x0 = Float32Array.of(1, 1, 0, 0)
    const noise = Float32Array.of(0, 0, 0.5, -1)
    const shown = [1, 2].map((c) => shownSnr(plus(x0, noise, c), x0, 1)[0])
    expect(shown[0] - shown[1]).toBeCloseTo(Math.log(2), 12)
  })
})

describe('ensembles', () => {
  it('give the unbiased variance and deviation', () => {
    const { sum, squares, power } = ensembleOf(Float32Array.of(1, 10, 3, 30, 5, 20), 3)
    expect([...sum]).toEqual([9, 60])
    expect([...squares]).toEqual([35, 1400])
    expect(power).toBe(1435)
    const ensemble = { count: 3, sum, squares, power }
    expect(varianceOf(ensemble)).toBeCloseTo((4 + 100) / 2, 12)
    expect(deviationOf(ensemble)).toBeCloseTo((2 + 10) / 2, 12)
  })

  it('have no variance error where residuals are noise of the right level, and (c − 1)²·σ² where it is c times too much', () => {
    const [count, elements, sigma] = [4000, 16, 0.7]
    const error = (c: number): number =>
      varianceError(
        ensembleOf(
          draw(3, 0, count * elements).map((x) => c * sigma * x),
          count,
        ),
        sigma,
      )
    // Four standard errors of a deviation from so many numbers.
    expect(error(1)).toBeLessThan((4 * sigma) ** 2 / (2 * count * elements))
    expect(error(1.5)).toBeCloseTo((0.5 * sigma) ** 2, 2)
  })

  it('share all of a common drift, none of independent ones, and what lies between in between', () => {
    const [count, elements] = [2000, 8]
    const independent = draw(5, 0, count * elements)
    const common = Float32Array.from(independent, (_, i) => [1, -1, 2, 0, 0, 1, 1, -2][i % elements])
    const power = 12 / elements
    expect(systematicShare(ensembleOf(common, count))).toBeCloseTo(1, 12)
    expect(Math.abs(systematicShare(ensembleOf(independent, count)))).toBeLessThan(3 / Math.sqrt(count))
    expect(systematicShare(ensembleOf(plus(common, independent, 2), count))).toBeCloseTo(
      power / (power + 4),
      1,
    )
  })

  it('estimate the share without bias: no share seen on average where there is none, in sets of 4', () => {
    const seen = Array.from({ length: 3000 }, (_, i) => systematicShare(ensembleOf(draw(7, i, 4 * 6), 4)))
    expect(Math.abs(seen.reduce((a, b) => a + b, 0) / seen.length)).toBeLessThan(0.01)
  })
})

describe('intervals', () => {
  it('know Student’s t', () => {
    // scipy.stats.t.ppf(0.975, freedom)
    expect(studentT(1)).toBeCloseTo(12.706204736, 6)
    expect(studentT(7)).toBeCloseTo(2.364624252, 8)
    expect(studentT(1e6)).toBeCloseTo(1.95996636, 5)
  })

  it('of a mean are the t-interval of the groups’ means', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 2, maxLength: 12 }),
        (groups) => {
          const mean = (of: ReadonlyArray<number>): number => of.reduce((a, b) => a + b, 0) / of.length
          const { low, high } = jackknife(
            mean(groups),
            groups.map((_, left) => mean(groups.filter((_, i) => i !== left))),
          )
          const n = groups.length
          const variance = groups.reduce((sum, x) => sum + (x - mean(groups)) ** 2, 0) / (n - 1)
          expect((high - low) / 2).toBeCloseTo(studentT(n - 1) * Math.sqrt(variance / n), 8)
        },
      ),
    )
  })

  it('hold the true value 95 times out of 100', () => {
    const [trials, groups, each] = [2000, 8, 4]
    const mean = (of: ReadonlyArray<number>): number => of.reduce((a, b) => a + b, 0) / of.length
    const hits = Array.from({ length: trials }, (_, i) => {
      const means = Array.from({ length: groups }, (_, g) => mean([...draw(i, 100 + g, each)]))
      const leftOut = means.map((_, left) => mean(means.filter((_, j) => j !== left)))
      const { low, high } = jackknife(mean(means), leftOut)
      return low <= 0 && 0 <= high
    }).filter((hit) => hit).length
    expect(hits / trials).toBeGreaterThan(0.935)
    expect(hits / trials).toBeLessThan(0.965)
  })

  it('are unknown for a single group', () => {
    expect(jackknife(1, [])).toEqual({ value: 1, low: NaN, high: NaN })
  })
})

describe('sharpness', () => {
  const shape = [1, 16, 16]
  const white = draw(11, 0, 32 * 256)
  /** Every pixel the mean of 2 × 2 that wrap around. */
  const blurred = white.map((_, i) => {
    const [sample, y, x] = [Math.floor(i / 256) * 256, Math.floor((i % 256) / 16), i % 16]
    const at = (dy: number, dx: number): number => white[sample + ((y + dy) % 16) * 16 + ((x + dx) % 16)]
    return (at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1)) / 4
  })

  it('of white noise is its variance and the share of frequencies that are high', async () => {
    const { variance, highPower } = await sharpness(white, shape)()
    // Below a quarter of the finest along both axes, with radius < 0.25, there are 13 of 256 coefficients that are low.
    const low = Array.from({ length: 256 }, (_, i) =>
      Math.hypot(Math.floor(i / 16) / 16, (i % 16) / 16),
    ).filter((radius) => radius < 0.25).length
    expect(variance).toBeCloseTo(1, 1)
    expect(highPower).toBeCloseTo(1 - low / 256, 1)
  })

  it('falls when samples blur, the fine parts first, and says so', async () => {
    const seen = relativeSharpness(await sharpness(blurred, shape)(), await sharpness(white, shape)())
    expect(seen.variance).toBeCloseTo(0.25, 1)
    expect(seen.highPower).toBeLessThan(0.25)
    expect(blurWarning(seen)).toMatch(
      /blurred: variance 0\.2\d of the data's; high-frequency power 0\.\d\d of/,
    )
    expect(blurWarning({ variance: 0.95, highPower: 1.4 })).toBeUndefined()
    expect(blurWarning({ variance: 1, highPower: 0.6 }, { variance: 1, highPower: 0.9 })).toContain(
      'after 0.90',
    )
    expect(blurWarning({ variance: 1, highPower: 0.6 }, { variance: 1, highPower: 0.62 })).toBeUndefined()
    // Noise before anything is learnt is no sharpness to lose.
    expect(blurWarning({ variance: 1, highPower: 0.9 }, { variance: 1, highPower: 30 })).toBeUndefined()
  })
})
