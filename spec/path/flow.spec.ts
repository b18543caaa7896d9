import * as fc from 'fast-check'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { ddpm, flow, lambda, type Path, type PathFor } from '../../lib/path/index.js'

const path = flow()

describe('the flow path', () => {
  it('is straight: sigma = t / 1000, alpha = 1 − sigma', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1000, noNaN: true }), (t) => {
        expect(path.at(t)).toEqual({ timestep: t, sigma: t / 1000, alpha: 1 - t / 1000 })
      }),
    )
    expect(path.clean).toEqual({ timestep: 0, alpha: 1, sigma: 0 })
    expect(path.noisiest).toEqual({ timestep: 1000, alpha: 0, sigma: 1 })
  })
  it('finds a timestep again from its lambda, both ends included', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1000, noNaN: true }), (t) => {
        const again = path.atLambda(lambda(path.at(t)))
        expect(Math.abs(again.timestep - t)).toBeLessThanOrEqual(1e-10)
        expect(again.alpha + again.sigma).toBeCloseTo(1, 14)
      }),
    )
  })
  it('refuses timesteps outside 0 … 1000', () => {
    expect(() => path.at(-0.001)).toThrow(RangeError)
    expect(() => path.at(1000.001)).toThrow(RangeError)
    expect(() => path.at(NaN)).toThrow(RangeError)
  })
})

describe('families in types', () => {
  it('keep flow and ddpm apart', () => {
    expectTypeOf<PathFor<'flow_matching'>>().toEqualTypeOf<Path<'flow'>>()
    expectTypeOf<PathFor<'epsilon'>>().toEqualTypeOf<Path>()
    // @ts-expect-error a flow-matching model is not trained on a ddpm path
    const wrong: PathFor<'flow_matching'> = ddpm({ betaSchedule: 'linear' })
    expect(wrong.family).toBe('ddpm')
  })
})
