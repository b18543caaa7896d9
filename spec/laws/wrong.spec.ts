import { describe, expect, it } from 'vitest'
import type { VectorSpace } from '../../lib/algebra/index.js'
import { check, showVerdict, type Executor, type LawName, type Verdict } from '../../lib/laws/index.js'
import { lambda } from '../../lib/path/index.js'
import {
  dataFrame,
  dpm,
  euler,
  execute,
  heun,
  interpolationStep,
  multistep,
  weightedStep,
  type Asking,
  type Prediction,
  type Route,
  type Solver,
} from '../../lib/solver/index.js'

/** A solver that takes each step by one formula, given the answer at its start. */
const stepwise = (
  name: string,
  order: number,
  step: <V>(V: VectorSpace<V>, x: V, now: Prediction<V>, route: Route, i: number) => V,
  stochastic = false,
): Solver => ({
  name,
  order,
  stochastic,
  run: <V>(V: VectorSpace<V>) =>
    function* (x: V, route: Route): Asking<V> {
      for (let i = 0; i + 1 < route.points.length; i++) {
        const now: Prediction<V> = yield { x, at: route.points[i] }
        x = step(V, x, now, route, i)
      }
      return x
    },
})

const between = ({ points }: Route, i: number) => ({ from: points[i], to: points[i + 1] })

/** A solver shared between trajectories: what one remembers, the next one uses. */
const forgetful = (): Solver => {
  let last: number | undefined
  return stepwise('remembers the last trajectory', 1, (V, x, now, route, i) => {
    const ends = between(route, i)
    const h = lambda(ends.to) - lambda(ends.from)
    const usual = -Math.expm1(-h)
    const weight = last === undefined ? usual : usual * (1 + 1e-3 * last)
    last = Math.min(1, h)
    return weightedStep(V, dataFrame, x, ends, [now], [weight])
  })
}

const wrong: ReadonlyArray<readonly [law: LawName, solver: Solver]> = [
  [
    'questions',
    {
      ...euler(),
      name: 'asks about the clean end too',
      run: <V>(V: VectorSpace<V>) =>
        function* (x: V, route: Route): Asking<V> {
          const end = yield* euler().run(V)(x, route)
          const last: Prediction<V> = yield { x: end, at: route.points[route.points.length - 1] }
          return last.at.sigma === 0 ? V.combine([[1, last.x0]]) : end
        },
    },
  ],
  [
    'consistency',
    stepwise('goes two thirds of the way', 1, (V, x, now, route, i) => {
      const { from, to } = between(route, i)
      return V.combine([
        [1, x],
        [(2 / 3) * (to.alpha - from.alpha), now.x0],
        [(2 / 3) * (to.sigma - from.sigma), now.epsilon],
      ])
    }),
  ],
  [
    'finite',
    stepwise('divides by alpha', 1, (V, x, now, route, i) => {
      const { from, to } = between(route, i)
      return V.combine([
        [to.alpha / from.alpha, x],
        [to.sigma - (to.alpha * from.sigma) / from.alpha, now.epsilon],
      ])
    }),
  ],
  [
    'constantData',
    stepwise('is off by a thousandth', 1, (V, x, now, route, i) => {
      const ends = between(route, i)
      return weightedStep(
        V,
        dataFrame,
        x,
        ends,
        [now],
        [-1.001 * Math.expm1(lambda(ends.from) - lambda(ends.to))],
      )
    }),
  ],
  [
    'marginal',
    stepwise(
      'draws as much noise as there should be, and keeps half of the old',
      1,
      (V, _, now, route, i) => {
        const { to } = between(route, i)
        return V.combine([
          [to.alpha, now.x0],
          [to.sigma / 2, now.epsilon],
          [to.sigma, now.noise],
        ])
      },
      true,
    ),
  ],
  [
    'affine',
    stepwise('shrinks the data at the end', 1, (V, x, now, route, i) => {
      const ends = between(route, i)
      const shrink = i + 2 === route.points.length ? 0.9 : 1
      return weightedStep(
        V,
        dataFrame,
        x,
        ends,
        [now],
        [-shrink * Math.expm1(lambda(ends.from) - lambda(ends.to))],
      )
    }),
  ],
  [
    'parameterisation',
    stepwise('takes whatever the model says for data', 1, (V, x, now, route, i) => {
      const ends = between(route, i)
      // Reaching behind the interface is the only way to do this, and so the cast is the point.
      const { out } = now as unknown as { out: typeof x }
      return V.combine([
        [ends.to.sigma / ends.from.sigma, x],
        [-ends.to.alpha * Math.expm1(lambda(ends.from) - lambda(ends.to)), out],
      ])
    }),
  ],
  ['order', { ...euler(), name: 'Euler with ambition', order: 2 }],
  [
    'order',
    {
      ...dpm({ order: 2 }),
      name: 'extrapolates a little too little',
      run: multistep({
        order: 2,
        lowerBelow: 0,
        predict: (V, span) =>
          interpolationStep(V, dataFrame, span.x, span, span.past.slice(0, span.order), (nodes, [gain], h) =>
            nodes.length === 1 ? [gain] : [gain + (0.45 * h) / -nodes[1], (0.45 * h) / nodes[1]],
          ),
      }),
    },
  ],
  ['order', { ...heun(), name: 'Heun with ambition', order: 3 }],
  ['independence', forgetful()],
  [
    'restart',
    {
      ...dpm({ order: 2 }),
      name: 'takes every piece of a grid for a whole one',
      run: (V) => (x, route) => dpm({ order: 2 }).run(V)(x, { ...route, ahead: 0 }),
    },
  ],
  ['compiled', forgetful()],
]

const broken = ({ judgements }: Verdict): ReadonlyArray<LawName> =>
  judgements.filter(({ finding }) => finding !== undefined).map(({ law }) => law)

describe('the law', () => {
  it.each(wrong.map(([law, solver]) => [law, solver.name, solver] as const))(
    'of %s catches a solver that %s',
    (law, _, solver) => {
      const verdict = check(solver, { runs: 100 })
      expect(verdict.passed).toBe(false)
      expect(broken(verdict), showVerdict(verdict)).toContain(law)
    },
  )

  const mean: Executor = (steps, denoiser, x, noise) => {
    const end = execute(steps, denoiser, x, noise)
    const average = end.reduce((sum, v) => sum + v, 0) / end.length
    return end.map((v) => v + 1e-6 * average)
  }
  const memoryless: Executor = (steps, ...rest) =>
    execute(
      {
        ...steps,
        evaluations: steps.evaluations.map(({ at, mix }) => ({
          at,
          mix: mix.map((w, i) =>
            i % (steps.registers + 1) > 0 && i % (steps.registers + 1) < steps.registers ? 0 : w,
          ),
        })),
      },
      ...rest,
    )

  const drowsy: Executor = ({ evaluations, ...steps }, ...rest) =>
    execute(
      {
        ...steps,
        evaluations: evaluations.map(({ at, mix }, j) => ({
          at,
          mix: j === 0 ? mix.map((w) => w * (1 - 1e-9)) : mix,
        })),
      },
      ...rest,
    )

  it('of restarting catches an executor that is not quite awake at its first evaluation', () => {
    expect(broken(check(dpm({ order: 2 }), { executor: drowsy }))).toContain('restart')
  })
  it('of packing catches an executor that lets elements see each other', () => {
    expect(broken(check(euler(), { executor: mean }))).toContain('packing')
  })
  it('of compilation catches an executor that forgets its registers', () => {
    expect(broken(check(dpm({ order: 2 }), { executor: memoryless }))).toContain('compiled')
  })
})

describe('a verdict', () => {
  it('shows the smallest case and the reason, in plain words', () => {
    const solver = wrong.find(([law]) => law === 'finite')?.[1] ?? euler()
    const shown = showVerdict(check(solver))
    expect(shown).toContain('divides by alpha breaks the laws')
    expect(shown).toContain('BROKEN  finite')
    expect(shown).toMatch(/"path":"(flow|ddpm, zero terminal SNR)","timesteps":\[(1000|999)[^\]]*\]/)
  })
  it('is the same each time', () => {
    expect(check(heun(), { runs: 20 })).toEqual(check(heun(), { runs: 20 }))
  })
})
