import { readdir } from 'node:fs/promises'
import { dynamicShift } from 'deriva/path'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { planCommand } from '../../lib/cli/plan-command.js'
import { errorText } from '../../lib/cli/outcome.js'
import type { Terminal } from '../../lib/cli/terminal.js'

const tiny = [
  '--dataset=shapes',
  '--train_batch_size=4',
  '--model.type=dit',
  '--model.width=8',
  '--model.depth=1',
  '--model.heads=1',
  '--scheduled_sampling_max_step_offset=4',
  '--scheduled_sampling_step_stride=50',
  '--scheduled_sampling_ramp_steps=100',
]

const plan = async (
  ...words: ReadonlyArray<string>
): Promise<{ readonly code: number; readonly text: string }> => {
  const printed: Array<string> = []
  const terminal: Terminal = {
    print: (text) => printed.push(text),
    tell: () => undefined,
    interactive: false,
    columns: 80,
  }
  const outcome = await planCommand([...tiny, ...words], terminal)()
  return E.isRight(outcome)
    ? { code: outcome.right, text: printed.join('\n') }
    : { code: 2, text: errorText(outcome.left) }
}

describe('deriva plan', () => {
  it('says what steps cost along the ramp without taking any', async () => {
    const before = await readdir('.')
    const { code, text } = await plan('--no-timing')
    expect(code).toBe(0)
    expect(text).toMatch(/step +rolled out +evaluations +time \(about\)/)
    expect(text).toContain('50 %')
    expect(text).toContain('samples lost variance')
    expect(text).not.toContain('it/s')
    expect(await readdir('.')).toEqual(before)
  })

  it('is of a run that can be gone on with, where it is to go on', async () => {
    const { code, text } = await plan('--no-timing', '--resume_from_checkpoint=runs/nowhere')
    expect(code).toBe(2)
    expect(text).toContain('resume_from_checkpoint = runs/nowhere')
  })

  it('counts spans where flow_schedule_auto_shift moves them to, with times or without', async () => {
    const span = async (...words: ReadonlyArray<string>): Promise<string | undefined> =>
      /over (\S+) in σ/.exec((await plan('--no-timing', ...words)).text)?.[1]
    const auto = await span('--flow_schedule_auto_shift')
    // What it comes to for shapes of 16 by 16, in patches of two by two.
    expect(auto).toBe(await span(`--flow_schedule_shift=${dynamicShift(64)}`))
    expect(auto).not.toBe(await span())
  })

  it('knows its own flags, misspelt too', async () => {
    expect(await plan('--jsn')).toMatchObject({
      code: 2,
      text: expect.stringContaining('did you mean --json?') as unknown,
    })
    expect((await plan('--notiming')).text).toContain('did you mean --no-timing?')
    expect((await plan('--sede', '7')).text).toContain('did you mean seed?')
  })

  it('says the same to programs', async () => {
    const { text } = await plan('--no-timing', '--json', '--scheduled_sampling_probability', '1')
    const found: unknown = JSON.parse(text)
    expect(found).toMatchObject({
      config: { scheduled_sampling_max_step_offset: 4, dataset: 'shapes' },
      steps: [{ step: 0, share: 0, evaluations: 0 }, { step: 25 }, {}, {}, { step: 100, share: 0.5 }, {}],
      notes: expect.arrayContaining([
        expect.stringContaining('scheduled_sampling_probability 1 is not used'),
      ]) as unknown,
    })
  })

  it('says what points beside the samples cost, and what is wasted', async () => {
    const beside = '--scheduled_sampling_renoise=beside'
    const { text } = await plan('--no-timing', beside, '--scheduled_sampling_reflexflow=false')
    expect(text).toContain('every sample: 0 more without gradient, 6 more with gradient')
    expect(text).toMatch(/takes up to about 7\.\d+ times as long/)
    expect(text).toMatch(/will take 8\d % of the time/)
    // Half of the samples, of which a fifth draw the length 0.
    expect(text).toMatch(/which are 0 % at first and (38|39|4\d) % at most/)
    const whole = ['--scheduled_sampling_ramp_steps=0', '--scheduled_sampling_probability=1']
    expect((await plan('--no-timing', beside, ...whole)).text).toContain('they count only')
    const longest = '--scheduled_sampling_strategy=longest'
    expect((await plan('--no-timing', beside, longest, ...whole)).text).not.toContain('they count only')
  })

  it('counts two evaluations a step under guidance, and one more for ReflexFlow', async () => {
    const rollout = async (...words: ReadonlyArray<string>): Promise<number> => {
      const found = JSON.parse((await plan('--no-timing', '--json', ...words)).text) as {
        readonly cost: { readonly rollout: number; readonly moved: number }
      }
      return found.cost.rollout - (words.includes(plain) ? 0 : found.cost.moved)
    }
    const plain = '--scheduled_sampling_reflexflow=false'
    const steps = await rollout(plain)
    expect(await rollout()).toBeCloseTo(steps, 6)
    expect(await rollout(plain, '--scheduled_sampling_guidance=4.5')).toBeCloseTo(2 * steps, 6)
    expect(await rollout('--scheduled_sampling_guidance', '4.5')).toBeCloseTo(2 * steps, 6)
  })

  it('times steps of the real model, beside teacher forcing', async () => {
    const { code, text } = await plan('--json')
    expect(code).toBe(0)
    const found = JSON.parse(text) as {
      readonly timing: {
        readonly seconds: { readonly training: number; readonly rollouts: number }
        readonly memory: Readonly<Record<'weights' | 'averages' | 'optimizer' | 'step', number>>
      }
      readonly totalSeconds: number
      readonly teacherForcingSeconds: number
    }
    expect(found.timing.seconds.training).toBeGreaterThan(0)
    expect(found.timing).toMatchObject({ device: 'cpu', together: 1 })
    // A tiny transformer of float32 weights, its average, and AdamW's two moments.
    const { weights, averages, optimizer, step } = found.timing.memory
    expect(weights).toBeGreaterThan(5000)
    expect(averages).toBe(weights)
    expect(optimizer).toBeGreaterThanOrEqual(2 * weights)
    expect(optimizer).toBeLessThan(2 * weights + 64)
    expect(step).toBeGreaterThan(weights)
    expect(found.timing.seconds.rollouts).toBeGreaterThan(0)
    expect(found.totalSeconds).toBeGreaterThan(0)
    expect(found.teacherForcingSeconds).toBeGreaterThan(0)
  })

  it('has less to say of teacher forcing', async () => {
    const { text } = await plan('--scheduled_sampling_max_step_offset=0', '--scheduled_sampling_ramp_steps=0')
    expect(text).toMatch(/no sample is rolled out: scheduled sampling is off\n/)
    expect(text).toMatch(/device: .*\nteacher forcing: .* it\/s\n/)
    expect(text).toMatch(/memory: weights 1 MiB, their averages 1 MiB, the optimizer's 1 MiB/)
    expect(text).not.toMatch(/times as long|evaluations/)
  })

  it('times several steps a run where training takes them so', async () => {
    const { text } = await plan('--superstep_steps=2', '--scheduled_sampling_probability=0', '--device=cpu')
    expect(text).toContain('device: CPU, as asked; 2 steps a run')
    expect(text).toContain('times as long a step')
  })

  it('refuses what deriva train refuses', async () => {
    expect((await plan('--no-timing', '--learning_rat=1')).code).toBe(2)
    // Also what only the data can tell.
    expect((await plan('--no-timing', '--dataset=shaps')).text).toContain('did you mean shapes?')
    expect((await plan('--no-timing', '--train_batch_size=50000')).text).toContain('the samples of shapes')
  })
})
