import * as E from 'fp-ts/lib/Either.js'
import type { Model } from '../model/index.js'
import type { ConfigProblem, ErrorOf, Parameterisation } from '../types/index.js'
import { type AdaptableWeight, survey } from './adaptable.js'
import { type Adapted, attached } from './adapted.js'
import { type Adapter, freshAdapter, type LoraVariant } from './adapter.js'
import { fullTarget, type FullLoraTarget, selected, type LoraTarget } from './target.js'

export type LoraOptions = {
  /** The rank of every update: 1 …; an adapter has rank·(in·kernel + out) weights. */
  readonly rank: number
  /** The update is scaled by alpha/rank, or alpha/√rank: above 0. */
  readonly alpha: number
  /** Which weights adapt; where several targets name one, the first counts. */
  readonly targets: ReadonlyArray<LoraTarget>
  /**
   * The probability with which an element of an adapter's input counts as zero in training, anew at every step; the others are
   * divided by its complement. 0 … 1, below 1. Rollouts and exported models have none. Default 0.
   */
  readonly dropout?: number
  /** Default `lora`. */
  readonly variant?: LoraVariant
  /** Names the initial adapters: integer, 0 … 2⁵³−1. */
  readonly seed: number
}

type Problems = ReadonlyArray<ConfigProblem>

const isRank = (rank: number): boolean => Number.isSafeInteger(rank) && rank >= 1
const isAlpha = (alpha: number): boolean => Number.isFinite(alpha) && alpha > 0

const problem = (wrong: boolean, key: string, value: unknown, allowed: string): Problems =>
  wrong ? [{ key, value, allowed }] : []

const problemsOf = ({ rank, alpha, seed, targets, dropout = 0 }: LoraOptions): Problems => [
  ...problem(!isRank(rank), 'rank', rank, 'an integer from 1'),
  ...problem(!isAlpha(alpha), 'alpha', alpha, 'a number above 0'),
  ...problem(!(Number.isSafeInteger(seed) && seed >= 0), 'seed', seed, 'an integer, 0 … 2⁵³−1'),
  ...problem(!(dropout >= 0 && dropout < 1), 'dropout', dropout, 'from 0 to below 1'),
  ...problem(targets.length === 0, 'targets', targets, 'at least one target'),
]

/** What is wrong with a target in itself, and on the weights it names. */
const targetProblems = (
  { rank = 1, alpha = 1, split = 1, parts }: FullLoraTarget,
  key: string,
  weights: ReadonlyArray<AdaptableWeight>,
): Problems => {
  const uneven = weights.find(({ outputs }) => outputs % split !== 0)
  const known = parts?.every((part) => Number.isSafeInteger(part) && part >= 0 && part < split) ?? true
  const distinct = new Set(parts).size === (parts?.length ?? 0) && parts?.length !== 0
  return [
    ...problem(!isRank(rank), `${key}.rank`, rank, 'an integer from 1'),
    ...problem(!isAlpha(alpha), `${key}.alpha`, alpha, 'a number above 0'),
    ...problem(!isRank(split), `${key}.split`, split, 'an integer from 1'),
    ...problem(
      isRank(split) && uneven !== undefined,
      `${key}.split`,
      split,
      `a divisor of the ${uneven?.outputs ?? 0} outputs of ${uneven?.module ?? ''}`,
    ),
    ...problem(!known || !distinct, `${key}.parts`, parts, `different numbers of slices, 0 … ${split - 1}`),
  ]
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? `"${value}"` : value instanceof RegExp ? String(value) : JSON.stringify(value)

const configError = (problems: Problems): ErrorOf<'ConfigError'> => ({
  _tag: 'ConfigError',
  message: problems
    .map(({ key, value, allowed }) =>
      typeof value === 'function' ? `lora.${key}: ${allowed}` : `lora.${key} ${shown(value)}: ${allowed}`,
    )
    .join('\n'),
  problems,
})

/**
 * Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685, equation 3; rsLoRA: Kalajdzievski 2023, arXiv 2312.03732) as a rewrite of a model: every
 * weight W that the targets name is frozen and read as W + scale·B·A, where only A and B can train. All other weights are frozen
 * too. The new model is trained, sampled and exported like any other, and predicts at first what the base predicts.
 *
 * A weight [in, out] or [out, in] of MatMul or Gemm gets A [rank, in] and B [out, rank]; a kernel of Conv gets A [rank, in, …kernel]
 * and B [out, rank, 1, …]: a convolution to `rank` channels, and a 1×1 convolution to the output, as in PEFT. A starts Kaiming-uniform and
 * B as zeros.
 *
 * @returns Left `ConfigError` where an option is out of its range, or a target names no weight that can have an adapter; with names that are near, and those that can
 * @example
 * const digits = dit({ parameterisation: 'flow_matching', sample: [1, 28, 28], classes: 10, seed: 1 })
 * const adapted = pipe(
 *   digits,
 *   lora({ rank: 8, alpha: 16, targets: [{ weights: 'qkv', split: 3, parts: [0, 2] }, 'blocks.*.mlp.in'], seed: 1 }),
 * )
 */
export const lora =
  (options: LoraOptions) =>
  <P extends Parameterisation>(model: Model<P>): E.Either<ErrorOf<'ConfigError'>, Adapted<P>> => {
    const { rank, alpha, variant = 'lora', dropout = 0, seed } = options
    const weights = survey(model)
    const problems: ConfigProblem[] = [...problemsOf(options)]
    const adapters = new Map<string, () => Adapter>()
    options.targets.map(fullTarget).forEach((target, i) => {
      const found = selected(target.weights, weights)
      if (E.isLeft(found)) {
        problems.push({ key: `targets[${i}]`, value: target.weights, allowed: found.left })
        return
      }
      problems.push(...targetProblems(target, `targets[${i}]`, found.right))
      const full = { rank, alpha, variant, seed, split: 1, ...target }
      for (const weight of found.right)
        if (!adapters.has(weight.name)) adapters.set(weight.name, () => freshAdapter(weight, full))
    })
    return problems.length > 0
      ? E.left(configError(problems))
      : E.right(
          attached(
            model,
            [...adapters.values()].map((make) => make()),
            { probability: dropout, seed },
          ),
        )
  }
