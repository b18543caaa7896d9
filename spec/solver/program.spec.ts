import { describe, expect, it } from 'vitest'
import { ddpm, flow } from '../../lib/path/index.js'
import {
  dpm,
  euler,
  execute,
  program,
  rk4,
  route,
  trailing,
  unipc,
  unitSteps,
  type Solver,
} from '../../lib/solver/index.js'
import { parameterisations } from '../../lib/types/index.js'

const path = flow()
const variance = ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 })

describe('programs', () => {
  const needed: ReadonlyArray<readonly [string, Solver, number]> = [
    ['euler', euler(), 1],
    ['dpm 2', dpm({ order: 2 }), 2],
    ['dpm 3', dpm({ order: 3 }), 3],
    ['unip 3', unipc({ order: 3, corrector: false }), 3],
    ['unipc 1', unipc({ order: 1 }), 2],
    ['unipc 2', unipc({ order: 2 }), 3],
    ['unipc 3', unipc({ order: 3 }), 4],
    ['rk4', rk4(), 3],
  ]
  it.each(needed)('%s keeps no more latents than it must', (_, solver, registers) => {
    for (const parameterisation of parameterisations) {
      expect(program(solver, variance, parameterisation, trailing(variance, 20)).registers).toBe(registers)
      expect(program(solver, path, parameterisation, trailing(path, 20)).registers).toBe(registers)
    }
  })

  it('of Euler on the flow path are x + (sigma′ − sigma)·out', () => {
    const { evaluations } = program(euler(), path, 'flow_matching', trailing(path, 4))
    expect(evaluations.map(({ at }) => at.sigma)).toEqual([1, 0.75, 0.5, 0.25])
    for (const { mix } of evaluations) {
      expect(mix[0]).toBeCloseTo(1, 14)
      expect(mix[1]).toBeCloseTo(-0.25, 14)
    }
  })

  it('are remembered, by what they are made of', () => {
    const solver = unipc({ order: 2 })
    const made = program(solver, path, 'flow_matching', unitSteps(path, 510, 500))
    expect(program(solver, path, 'flow_matching', unitSteps(path, 510, 500))).toBe(made)
    expect(program(solver, path, 'flow_matching', unitSteps(path, 510, 500), 1)).not.toBe(made)
    expect(program(solver, path, 'epsilon', unitSteps(path, 510, 500))).not.toBe(made)
    const other = unitSteps(path, 510, 500).map((at) => ({ ...at, alpha: at.alpha / 2 }))
    expect(program(solver, path, 'flow_matching', other).evaluations).not.toEqual(made.evaluations)
  })

  it('of a rollout begin like those of a shorter one', () => {
    const solver = unipc({ order: 3 })
    const long = program(solver, variance, 'epsilon', unitSteps(variance, 520, 500))
    const short = program(solver, variance, 'epsilon', unitSteps(variance, 520, 510))
    expect(long.evaluations.slice(0, 9).map(({ at }) => at)).toEqual(
      short.evaluations.slice(0, 9).map(({ at }) => at),
    )
  })

  it('are empty where there is no step', () => {
    const at = variance.at(500)
    for (const points of [[], [at], [at, at]])
      expect(program(rk4(), variance, 'v_prediction', points)).toEqual({
        registers: 1,
        noise: false,
        evaluations: [],
      })
  })

  it('make no step of no length', () => {
    const points = trailing(variance, 6)
    const repeated = points.flatMap((at) => [at, at])
    expect(program(unipc({ order: 2 }), variance, 'epsilon', repeated)).toEqual(
      program(unipc({ order: 2 }), variance, 'epsilon', points),
    )
  })

  it('refuse what is no trajectory', () => {
    expect(() => program(euler(), path, 'sample', [path.clean, path.at(10)])).toThrow(RangeError)
    expect(() => route(path, [{ timestep: 1, alpha: NaN, sigma: 1 }])).toThrow(RangeError)
  })

  it('leave their input alone', () => {
    const x = Float64Array.of(1, 2)
    execute(program(rk4(), path, 'flow_matching', trailing(path, 3)), (v) => v.map((vi) => -vi), x)
    expect([...x]).toEqual([1, 2])
  })
})
