import { execute, type Solver } from '../solver/index.js'
import { affine, consistency, constantData, finite, marginal, parameterisation } from './exactness.js'
import { compiled, independence, packing, questions } from './execution.js'
import type { Effort, Executor, Finding, Law } from './law.js'
import { order } from './order.js'
import { restart } from './restart.js'

export type LawName = (typeof lawNames)[number]

export const lawNames = [
  'questions',
  'consistency',
  'finite',
  'constantData',
  'marginal',
  'affine',
  'parameterisation',
  'order',
  'compiled',
  'independence',
  'restart',
  'packing',
] as const

/** Every law a solver must keep, by name. */
export const laws: { readonly [N in LawName]: Law } = {
  questions,
  consistency,
  finite,
  constantData,
  marginal,
  affine,
  parameterisation,
  order,
  compiled,
  independence,
  restart,
  packing,
}

/** What one law has to say about one solver; no finding means that none was found, not that there is none. */
export type Judgement = { readonly law: LawName; readonly statement: string; readonly finding?: Finding }

export type Verdict = {
  readonly solver: string
  readonly passed: boolean
  /** One entry per law that concerns the solver. */
  readonly judgements: ReadonlyArray<Judgement>
}

export type CheckOptions = Partial<Effort> & {
  /** What runs the programs; the reference executor unless another is on trial. */
  readonly executor?: Executor
}

const judge = (name: LawName, solver: Solver, executor: Executor, effort: Effort): Finding | undefined => {
  try {
    return laws[name].refute(solver, executor, effort)
  } catch (error) {
    // Outside a search, a solver that throws is a finding of its own.
    return { counterexample: 'any', reason: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Check a solver against every law that concerns it. Deterministic: the same solver, seed and number of runs give the same verdict.
 *
 * @example
 * const verdict = check(heun())
 * const report = showVerdict(verdict)
 */
export const check = (
  solver: Solver,
  { runs = 100, seed = 1, executor = execute }: CheckOptions = {},
): Verdict => {
  const judgements = lawNames
    .filter((law) => laws[law].concerns(solver))
    .map((law): Judgement => {
      const finding = judge(law, solver, executor, { runs, seed })
      const { statement } = laws[law]
      return finding === undefined ? { law, statement } : { law, statement, finding }
    })
  return { solver: solver.name, passed: judgements.every(({ finding }) => finding === undefined), judgements }
}

/**
 * A verdict to read: one line per law, and under a broken one the smallest case found against it.
 *
 * @example
 * const report = showVerdict(check(euler()))
 */
export const showVerdict = ({ solver, passed, judgements }: Verdict): string =>
  [
    `${solver} ${passed ? 'keeps' : 'breaks'} the laws`,
    ...judgements.flatMap(({ law, statement, finding }) =>
      finding === undefined
        ? [`  kept    ${law}: ${statement}`]
        : [
            `  BROKEN  ${law}: ${statement}`,
            `          because ${finding.reason}`,
            `          for ${finding.counterexample}`,
          ],
    ),
  ].join('\n')
