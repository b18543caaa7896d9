import {
  add,
  concat,
  constant,
  div,
  gather,
  type input,
  max,
  mul,
  reduceSum,
  reshape,
  sqrt,
  sub,
  type Value,
} from '../onnx/index.js'
import type { Path } from '../path/index.js'
import {
  type AskRows,
  correctionAt,
  type CorrectionOptions,
  departed,
  type FreshNoise,
  type Guidance,
  guidedEvaluations,
  guidedInGraph,
  packedFeeds,
  packedInGraph,
  type PackedShape,
  type PlanOptions,
  type RegressionTarget,
  type Span,
  tailShape,
} from '../rollout/index.js'
import { program, type Solver } from '../solver/index.js'
import { type Conditioning, float32, int64, type Parameterisation, size } from '../types/index.js'

/** Which rollouts a graph makes. */
export type InGraphRollout = {
  /** One like those of the batches: it says how much room their rollouts need. */
  readonly path: Path
  readonly solver: Solver
  readonly plan: PlanOptions &
    CorrectionOptions & {
      readonly target?: RegressionTarget
      /** The scale of classifier-free guidance. Default 1. */
      readonly guidance?: number
    }
  /** How much room they take: `rolloutShape`. */
  readonly shape: PackedShape
}

/** The names that a batch's rollouts are fed under, beside those of `packedFeeds`. */
const fedAs = {
  /** Where samples depart from: [batch, …sample] */
  start: 'rollout/start',
  /** Where they would be on the schedule: [batch, …sample] */
  ideal: 'rollout/ideal',
  /** By how much of its drift a sample's target moves: [batch] */
  correction: 'rollout/correction',
  /** The samples whose clean prediction is wanted, at least one: [rows] */
  cleanRows: 'rollout/clean_rows',
  /** Where they come to be behind one row of zeros: [batch] */
  cleanPlaces: 'rollout/clean_places',
} as const

/**
 * The name under which guided rollouts are fed the row of a conditioning that stands for "nothing": [1, …]
 *
 * @example
 * const name = emptyInput('label') // 'rollout/empty/label'
 */
export const emptyInput = (name: string): string => `rollout/empty/${name}`

/**
 * How much room the rollouts of a plan take in a graph.
 *
 * @example
 * const shape = rolloutShape(unipc({ order: 2 }), flow(), 'flow_matching', { maxStepOffset: 10, probability: () => 0.5 })
 */
export const rolloutShape = (
  solver: Solver,
  path: Path,
  parameterisation: Parameterisation,
  plan: PlanOptions,
): PackedShape => ({
  ...tailShape(solver, path, parameterisation, plan, plan.maxStepOffset),
  noise: solver.stochastic,
})

/** What a step is trained on in place of what would be fed, and what it reports. */
export type MadeInGraph = {
  readonly replaced: Readonly<Record<string, Value>>
  readonly reported: Readonly<Record<string, Value>>
}

/** ‖·‖ of each sample: [batch]. */
const norms = (x: Value, elements: number): Value => {
  const flat = reshape(x, [0, elements])
  return sqrt(reduceSum(mul(flat, flat), [1], false))
}

/**
 * The rollouts of a batch, and the clean predictions of samples that moved, in a graph: `latents`, and `clean` and `target` where they
 * are affected; reports `drift`, the sum over the samples that moved of ‖x̂_t − x_t‖ / ‖x_t‖. No gradient is taken of it.
 *
 * @param given asks the model with what samples are conditioned on
 * @param anything asks it with the rows that stand for "nothing" (`emptyInput`); used for guidance
 * @param fed an input by name; those of `rolloutFeeds`
 * @example
 * declare const given: AskRows, anything: AskRows, rollout: InGraphRollout
 * const step = { rollout, batchSize: 16, sample: [1, 28, 28], readsClean: true }
 * const { replaced } = latentsInGraph({ given, anything }, step, input)
 */
export const latentsInGraph = (
  { given, anything }: { readonly given: AskRows; readonly anything: AskRows },
  {
    rollout: { shape, plan },
    batchSize,
    sample,
    readsClean,
  }: {
    readonly rollout: InGraphRollout
    readonly batchSize: number
    readonly sample: ReadonlyArray<number>
    readonly readsClean: boolean
  },
  fed: typeof input,
): MadeInGraph => {
  const elements = size(sample)
  const whole = (name: string): Value => fed(name, 'float32', [batchSize, ...sample])
  const ideal = whole(fedAs.ideal)
  const guided = guidedInGraph(plan.guidance ?? 1, given, anything)
  const latents = packedInGraph(guided, whole(fedAs.start), shape, fed)
  const drift = sub(latents, ideal)
  const column = (name: string): Value => fed(name, 'float32', [batchSize])
  const share = reshape(column(fedAs.correction), [0, ...sample.map(() => 1)])
  const clean = (): Value => {
    const rows = fed(fedAs.cleanRows, 'int64', ['clean_rows'])
    const told = given(gather(ideal, rows), gather(column('timestep'), rows), rows)
    const none = constant(float32([1, ...sample], new Float32Array(elements)))
    return gather(concat([none, told], 0), fed(fedAs.cleanPlaces, 'int64', [batchSize]))
  }
  const relative = div(norms(drift, elements), max(norms(ideal, elements), 1e-12))
  return {
    replaced: {
      latents,
      ...(plan.target === 'corrected' ? { target: add(whole('target'), mul(share, drift)) } : {}),
      ...(readsClean ? { clean: clean() } : {}),
    },
    reported: { drift: reduceSum(mul(relative, column('rolled')), undefined, false) },
  }
}

/** A batch about to be rolled out in a graph. */
export type RolloutBatch = {
  readonly path: Path
  /** [batch, …sample] */
  readonly x0: Float32Array
  /** [batch, …sample] */
  readonly noise: Float32Array
  /** On the schedule: [batch, …sample] */
  readonly ideal: Float32Array
  readonly shape: ReadonlyArray<number>
  readonly spans: ReadonlyArray<Span>
  /** Needed where the plan has guidance. */
  readonly empty?: Guidance['empty']
}

/**
 * What a graph is fed to roll a batch out, and the sample evaluations that it spends on it, those of clean predictions left out.
 *
 * @param fresh the noise that stochastic solvers mix in
 * @throws RangeError where a span is longer than the graph has room for
 * @example
 * declare const rollout: InGraphRollout, batch: RolloutBatch
 * const { feeds } = rolloutFeeds('flow_matching', rollout, batch)
 */
export const rolloutFeeds = (
  parameterisation: Parameterisation,
  { solver, plan, shape }: Omit<InGraphRollout, 'path'>,
  batch: RolloutBatch,
  fresh?: FreshNoise,
): { readonly feeds: Conditioning; readonly evaluations: number } => {
  const { path, spans, ideal, empty = {} } = batch
  const { guidance = 1 } = plan
  const dims = [spans.length, ...batch.shape]
  const programs = spans.map(({ grid }) => program(solver, path, parameterisation, grid))
  const moving = [...spans.keys()].filter((i) => spans[i].grid.length > 1)
  const places = spans.map(() => 0)
  moving.forEach((i, place) => (places[i] = 1 + place))
  const corrections = spans.map(({ target }) => correctionAt(parameterisation, path.at(target), plan))
  return {
    evaluations:
      guidedEvaluations(guidance) *
      programs.reduce((total, { evaluations }) => total + evaluations.length, 0),
    feeds: {
      ...packedFeeds(programs, size(batch.shape), shape, fresh),
      [fedAs.start]: float32(dims, departed(batch)),
      [fedAs.ideal]: float32(dims, ideal),
      [fedAs.correction]: float32([spans.length], corrections),
      [fedAs.cleanRows]: moving.length === 0 ? int64([1], [0]) : int64([moving.length], moving),
      [fedAs.cleanPlaces]: int64([spans.length], places),
      ...(guidance === 1
        ? {}
        : Object.fromEntries(Object.entries(empty).map(([name, row]) => [emptyInput(name), row]))),
    },
  }
}
