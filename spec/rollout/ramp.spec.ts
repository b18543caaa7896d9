import { readFileSync } from 'node:fs'
import { ramp } from 'deriva/rollout'
import * as t from 'io-ts'
import { describe, expect, it } from 'vitest'

/** SimpleTuner's ramp, its lines executed. Where it takes a probability of 0 for one that is not set, it is not followed. */
const Ramp = t.type({
  config: t.type({
    scheduled_sampling_probability: t.number,
    scheduled_sampling_prob_start: t.number,
    scheduled_sampling_prob_end: t.number,
    scheduled_sampling_ramp_steps: t.number,
    scheduled_sampling_start_step: t.number,
    scheduled_sampling_ramp_shape: t.keyof({ linear: null, cosine: null }),
  }),
  global_step: t.array(t.number),
  effective_prob: t.array(t.number),
})
const File = t.type({ entries: t.array(t.unknown) })
const file: unknown = JSON.parse(
  readFileSync(new URL('../fixtures/solvers/scheduled-sampling-ramp.json', import.meta.url), 'utf8'),
)
const entries = (File.is(file) ? file.entries : [])
  // The others leave an end of the ramp unset,
  .filter(Ramp.is)
  // or set it to a 0 that the reference overlooks.
  .filter(({ config: c }) => c.scheduled_sampling_prob_start > 0 || c.scheduled_sampling_probability === 0)

describe('ramp', () => {
  it('has its reference cases', () => {
    expect(entries.length).toBe(5)
  })

  it.each(entries)(
    '$config.scheduled_sampling_ramp_shape as in the reference',
    ({ config: c, global_step, effective_prob }) => {
      const probability = ramp({
        from: c.scheduled_sampling_prob_start,
        to: c.scheduled_sampling_prob_end,
        steps: c.scheduled_sampling_ramp_steps,
        startStep: c.scheduled_sampling_start_step,
        shape: c.scheduled_sampling_ramp_shape,
      })
      global_step.forEach((step, i) => {
        expect(probability(step)).toBeCloseTo(effective_prob[i], 12)
      })
    },
  )

  it('may fall, and 0 is 0', () => {
    expect([0, 5, 10].map(ramp({ from: 1, to: 0, steps: 10 }))).toEqual([1, 0.5, 0])
  })

  it('without a length jumps at its start', () => {
    expect([2, 3, 4].map(ramp({ from: 0, to: 1, steps: 0, startStep: 3 }))).toEqual([0, 1, 1])
  })
})
