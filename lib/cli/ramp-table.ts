import { type Config, rollsOut } from '../config/index.js'
import { type SampleCost, sampleCost } from './plan-cost.js'
import { planOf } from './recipe/index.js'

/** What a step of training is expected to be like. */
export type PlannedStep = {
  readonly step: number
  /** The share of samples that are rolled out, 0 … 1. */
  readonly share: number
  /** Sample evaluations without gradient. */
  readonly evaluations: number
  /** The share of the time that teacher forcing alone would not take, 0 … 1. */
  readonly time: number
  /** Optimizer steps a second; undefined where nothing was timed. */
  readonly rate: number | undefined
}

/** Seconds of a step. */
export type StepSeconds = {
  /** Of plain teacher forcing of the same model on the same batches. */
  readonly teacherForcing: number
  /** Of this configuration, without rollouts. */
  readonly training: number
  /** What a share of 1 would add to it. */
  readonly rollouts: number
}

/** A backward pass takes about as long as two forward ones. */
const backward = 2

/** Without a clock: in evaluations without gradient. */
const inEvaluations = (batch: number, { rollout, forward, trained }: SampleCost): StepSeconds => ({
  teacherForcing: batch * (1 + backward),
  training: batch * ((1 + trained) * (1 + backward) + forward),
  rollouts: batch * rollout,
})

/** The steps worth a line: where the share starts, changes and ends. */
const landmarks = (config: Config): ReadonlyArray<number> => {
  const {
    scheduled_sampling_start_step: start,
    scheduled_sampling_ramp_steps: length,
    max_train_steps: total,
  } = config
  const quarters =
    length === 0 ? [] : [0, 0.25, 0.5, 0.75, 1].map((part) => start + Math.round(part * length))
  return [...new Set([0, start, ...quarters, total - 1])]
    .filter((step) => step >= 0 && step < total)
    .sort((a, b) => a - b)
}

/**
 * The steps of a run at which the share of rollouts starts, changes and ends, and what they cost.
 *
 * @param seconds as they were timed; without, the shares of time follow from evaluations
 * @example
 * declare const config: Config
 * const steps = plannedSteps(config)
 */
export const plannedSteps = (config: Config, seconds?: StepSeconds): ReadonlyArray<PlannedStep> => {
  const cost = sampleCost(config)
  const batch = config.train_batch_size * config.gradient_accumulation_steps
  const { probability } = planOf(config)
  const { teacherForcing, training, rollouts } = seconds ?? inEvaluations(batch, cost)
  return landmarks(config).map((step) => {
    const share = rollsOut(config) ? probability(step) : 0
    const whole = training + share * rollouts
    return {
      step,
      share,
      evaluations: batch * (share * cost.rollout + cost.forward),
      // Measured times may be a little less.
      time: whole === 0 ? 0 : Math.max(0, 1 - teacherForcing / whole),
      rate: seconds === undefined ? undefined : 1 / whole,
    }
  })
}

/**
 * How many times as long as one of teacher forcing the longest of these steps takes.
 *
 * @example
 * declare const config: Config
 * const times = longest(plannedSteps(config)) // 1.4
 */
export const longest = (steps: ReadonlyArray<PlannedStep>): number =>
  1 / (1 - Math.max(0, ...steps.map(({ time }) => time)))

const percent = (share: number): string => `${Math.round(100 * share)} %`

const number = (x: number): string => (x >= 100 || x === 0 ? x.toFixed(0) : x.toPrecision(3))

/**
 * Planned steps as the lines of a table.
 *
 * @example
 * declare const config: Config
 * const lines = rampTable(plannedSteps(config))
 */
export const rampTable = (steps: ReadonlyArray<PlannedStep>): ReadonlyArray<string> => {
  const timed = steps.some(({ rate }) => rate !== undefined)
  const rows = [
    ['step', 'rolled out', 'evaluations', `time${timed ? '' : ' (about)'}`, ...(timed ? ['it/s'] : [])],
    ...steps.map(({ step, share, evaluations, time, rate }) => [
      String(step),
      percent(share),
      number(evaluations),
      percent(time),
      ...(rate === undefined ? [] : [number(rate)]),
    ]),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] + 2)).join(''))
}
