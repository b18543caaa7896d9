import { describe, expect, it } from 'vitest'
import { longest, plannedSteps, rampTable } from '../../lib/cli/ramp-table.js'
import { sampleCost } from '../../lib/cli/plan-cost.js'
import { configOf } from '../report/run.js'

const rolling = {
  dataset: 'shapes',
  train_batch_size: 8,
  scheduled_sampling_max_step_offset: 4,
  scheduled_sampling_probability: 0.5,
  scheduled_sampling_reflexflow: false,
  scheduled_sampling_sampler: 'euler',
}

describe('sampleCost', () => {
  it('is nothing for teacher forcing, and the mean length of a rollout for Euler', () => {
    expect(sampleCost(configOf({}))).toEqual({ rollout: 0, forward: 0, trained: 0, moved: 0, span: 0 })
    // Lengths are 0 … 4 alike.
    expect(sampleCost(configOf(rolling)).rollout).toBeCloseTo(2, 0)
  })

  it('counts the stages of a solver, and ReflexFlow by the samples that moved', () => {
    const euler = sampleCost(configOf(rolling)).rollout
    expect(sampleCost(configOf({ ...rolling, scheduled_sampling_sampler: 'rk4' })).rollout).toBe(4 * euler)
    const compared = sampleCost(configOf({ ...rolling, scheduled_sampling_reflexflow: true })).rollout
    expect(compared - euler).toBeCloseTo(0.8, 1)
  })

  it('knows how far rollouts go', () => {
    // Two steps of 10 timesteps on average, less what the noisiest point cuts off.
    expect(sampleCost(configOf({ ...rolling, scheduled_sampling_step_stride: 10 })).span).toBeCloseTo(0.02, 2)
  })

  it('knows how many of the chosen move', () => {
    expect(sampleCost(configOf(rolling)).moved).toBeCloseTo(0.8, 1)
    const { moved, rollout } = sampleCost(configOf({ ...rolling, scheduled_sampling_strategy: 'longest' }))
    expect(moved).toBeGreaterThan(0.99)
    expect(rollout).toBeGreaterThan(3.9)
  })

  it('moves the last steps into the training graph where gradients flow through them', () => {
    const through = sampleCost(configOf({ ...rolling, scheduled_sampling_backprop: 1 }))
    const without = sampleCost(configOf(rolling)).rollout
    expect(through.trained).toBe(1)
    expect(without - through.rollout).toBeCloseTo(0.8, 1)
  })

  it('counts points beside the samples with gradient, and their comparisons without', () => {
    const beside = { ...rolling, scheduled_sampling_renoise: 'beside' }
    const alone = sampleCost(configOf(rolling))
    expect(sampleCost(configOf(beside))).toEqual({ ...alone, trained: 6 })
    expect(
      sampleCost(
        configOf({
          ...beside,
          scheduled_sampling_renoise_points: 3,
          scheduled_sampling_reflexflow: true,
        }),
      ),
    ).toEqual({ ...alone, trained: 3, forward: 3 })
    expect(sampleCost(configOf({ ...rolling, scheduled_sampling_renoise: 'in_place' }))).toEqual(alone)
  })

  it('knows what methods cost', () => {
    expect(sampleCost(configOf({ training_method: 'defar' }))).toEqual({
      rollout: 0,
      forward: 1,
      trained: 1,
      moved: 0,
      span: 0,
    })
    expect(sampleCost(configOf({ training_method: 'dream', prediction_type: 'epsilon' })).forward).toBe(1)
    expect(sampleCost(configOf({ training_method: 'hastened' }))).toEqual(sampleCost(configOf({})))
  })
})

describe('plannedSteps', () => {
  const ramped = configOf({
    ...rolling,
    scheduled_sampling_probability: 0,
    scheduled_sampling_ramp_steps: 400,
    scheduled_sampling_start_step: 100,
  })

  it('are where the share starts, changes and ends, and cost in proportion to it', () => {
    const steps = plannedSteps(ramped)
    expect(steps.map(({ step }) => step)).toEqual([0, 100, 200, 300, 400, 500, 999])
    expect(steps.map(({ share }) => share)).toEqual([0, 0, 0.125, 0.25, 0.375, 0.5, 0.5])
    expect(steps[5].evaluations).toBeCloseTo(4 * steps[2].evaluations, 9)
    expect(steps[0]).toMatchObject({ evaluations: 0, time: 0, rate: undefined })
  })

  it('take the seconds that were measured', () => {
    const last = plannedSteps(ramped, { teacherForcing: 0.05, training: 0.1, rollouts: 0.2 }).at(-1)
    expect(last?.rate).toBeCloseTo(5, 9)
    expect(last?.time).toBeCloseTo(0.75, 9)
  })

  it('take the time of all that teacher forcing does not do, with gradient and without', () => {
    const time = (options: object): number =>
      plannedSteps(configOf({ ...rolling, ...options })).at(-1)?.time ?? 0
    // In evaluations a sample, of which teacher forcing takes 3: half of the samples make their rollouts …
    const { rollout } = sampleCost(configOf(rolling))
    expect(time({})).toBeCloseTo(1 - 3 / (3 + rollout / 2), 9)
    // … and every one has six points beside it …
    const beside = { scheduled_sampling_renoise: 'beside' }
    expect(time(beside)).toBeCloseTo(1 - 3 / (3 * 7 + rollout / 2), 9)
    // … or a step with gradient …
    const through = { scheduled_sampling_backprop: 1 }
    const { rollout: shorter } = sampleCost(configOf({ ...rolling, ...through }))
    expect(time(through)).toBeCloseTo(1 - 3 / (3 * 2 + shorter / 2), 9)
    // … or DEFAR's jump, with gradient and without.
    const jumped = plannedSteps(configOf({ training_method: 'defar' }))
    expect(longest(jumped)).toBeCloseTo((3 * 2 + 1) / 3, 9)
  })

  it('are a table of even columns', () => {
    const lines = rampTable(plannedSteps(ramped, { teacherForcing: 0.1, training: 0.1, rollouts: 0.2 }))
    expect(lines[0].trim().split(/\s{2,}/)).toEqual(['step', 'rolled out', 'evaluations', 'time', 'it/s'])
    expect(new Set(lines.map((line) => line.length)).size).toBe(1)
    expect(lines).toHaveLength(8)
  })
})
