import { ddpm, flow } from 'deriva/path'
import { plan, tailShape } from 'deriva/rollout'
import { program, solverNames, solvers, unitSteps } from 'deriva/solver'
import { describe, expect, it } from 'vitest'

describe.each([
  ['flow', flow(), 'flow_matching'],
  ['ddpm', ddpm({ betaSchedule: 'linear' }), 'epsilon'],
] as const)('the room for the last steps of rollouts on a %s path', (_, path, parameterisation) => {
  it.each(solverNames)('is enough for %s, also where steps are long', (name) => {
    const solver = solvers[name]({ order: solvers[name].orders.at(-1) ?? 1 })
    for (const stride of [1, 150, 300]) {
      const options = { maxStepOffset: 3, stride, probability: () => 1, strategy: 'longest' } as const
      const room = tailShape(solver, path, parameterisation, options, 2)
      const targets = Array.from({ length: 20 }, (_, i) => i * 50)
      for (const { grid } of plan(options, { seed: 1, step: 0 }, Uint32Array.from(targets), targets, path)) {
        const [whole, before] = [grid, grid.slice(0, Math.max(1, grid.length - 2))].map((way) =>
          program(solver, path, parameterisation, way),
        )
        expect(whole.evaluations.length - before.evaluations.length).toBeLessThanOrEqual(room.evaluations)
        expect(whole.registers).toBeLessThanOrEqual(room.registers)
      }
    }
  })

  it.each(solverNames)('of %s is that of every length, also where few of many are looked at', (name) => {
    const solver = solvers[name]({ order: solvers[name].orders.at(-1) ?? 1 })
    const options = { maxStepOffset: 80, stride: 10, probability: () => 1 }
    const room = tailShape(solver, path, parameterisation, options, 80)
    const whole = unitSteps(path, 900, 50, 10)
    const lengths = Array.from({ length: 81 }, (_, k) =>
      program(solver, path, parameterisation, whole.slice(0, k + 1)),
    )
    for (const { evaluations, registers } of lengths) {
      expect(evaluations.length).toBeLessThanOrEqual(room.evaluations)
      expect(registers).toBeLessThanOrEqual(room.registers)
    }
  })
})
