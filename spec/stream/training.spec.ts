import { setTimeout as sleep } from 'node:timers/promises'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import { flow } from 'deriva/path'
import { euler } from 'deriva/solver'
import { dataset, descend, type Descended, noised, observe, rollout, stage, training } from 'deriva/stream'
import type { DerivaError } from 'deriva/types'
import { filter, firstValueFrom, lastValueFrom, map, take, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { toySource, toyTrainer, weightOf } from './toy.js'

describe('training', () => {
  it('feeds the weights that a step made to the next step', async () => {
    const compiled = toyTrainer('flow_matching')
    const steps = pipe(
      dataset(toySource()),
      noised(flow()),
      descend(compiled),
      training(compiled, { steps: 5, seed: 1 }),
    )
    const weights = await lastValueFrom(
      steps.pipe(
        map(({ state }) => weightOf(state)),
        toArray(),
      ),
    )
    expect(weights).toEqual([1, 2, 3, 4, 5])
  })

  it('goes on from a state as if it had never stopped', async () => {
    const compiled = toyTrainer('flow_matching')
    const run = (from: typeof compiled.initial, steps: number) =>
      lastValueFrom(
        pipe(
          dataset(toySource()),
          noised(flow()),
          descend(compiled),
          training(compiled, { steps, seed: 1, from }),
        ),
      )
    const whole = await run(compiled.initial, 7)
    const resumed = await run((await run(compiled.initial, 3)).state, 7)
    expect(resumed.state).toEqual(whole.state)
    expect(resumed.latents).toEqual(whole.latents)
    expect(resumed.timesteps).toEqual(whole.timesteps)
  })

  it('is cold: every subscription is a run of its own, and no subscription is none', async () => {
    const source = toySource()
    const compiled = toyTrainer('flow_matching')
    const steps = pipe(
      dataset(source),
      noised(flow()),
      descend(compiled),
      training(compiled, { steps: 3, seed: 1 }),
    )
    expect(source.pulled()).toBe(0)
    const first = await lastValueFrom(steps)
    const second = await lastValueFrom(steps)
    expect(second.state).toEqual(first.state)
    expect(source.pulled()).toBe(6)
  })

  it('pulls nothing more once it is unsubscribed', async () => {
    const source = toySource()
    const compiled = toyTrainer('flow_matching')
    const steps = pipe(
      dataset(source),
      noised(flow()),
      descend(compiled),
      training(compiled, { steps: 1000, seed: 1 }),
    )
    await firstValueFrom(steps.pipe(take(1)))
    await sleep(20)
    expect(source.pulled()).toBeLessThanOrEqual(2)
  })

  it('asks the model no more once it is unsubscribed, in the middle of a rollout', async () => {
    const toy = toyTrainer('flow_matching')
    const slow: typeof toy = {
      ...toy,
      denoiser: (parameters) => ({
        parameterisation: 'flow_matching',
        predict: (...asked) => pipe(toy.denoiser(parameters).predict(...asked), T.delay(5)),
      }),
    }
    const steps = pipe(
      dataset(toySource()),
      noised(flow()),
      rollout(euler(), { maxStepOffset: 200, strategy: 'longest', probability: () => 1 }),
      descend(slow),
      training(slow, { steps: 1000, seed: 1 }),
    )
    const running = steps.subscribe()
    await vi.waitFor(() => {
      expect(toy.calls.length).toBeGreaterThan(2)
    })
    running.unsubscribe()
    const asked = toy.calls.length
    await sleep(100)
    expect(toy.calls.length).toBeLessThanOrEqual(asked + 1)
  })

  it('releases the state that a step makes after it was unsubscribed', async () => {
    const toy = toyTrainer('flow_matching')
    const released: number[] = []
    let begun = false
    const slow: typeof toy = {
      ...toy,
      descend: (state, lesson) => {
        begun = true
        return pipe(toy.descend(state, lesson), T.delay(200))
      },
      release: (state) => () => {
        released.push(state.step)
      },
    }
    const steps = pipe(
      dataset(toySource()),
      noised(flow()),
      descend(slow),
      training(slow, { steps: 9, seed: 1 }),
    )
    const running = steps.subscribe()
    await vi.waitFor(
      () => {
        expect(begun).toBe(true)
      },
      { interval: 5 },
    )
    running.unsubscribe()
    await vi.waitFor(() => {
      expect(released).toEqual([1])
    })
  })

  it('ends with the tagged error of the stage that failed, after the steps that went well', async () => {
    const failure: DerivaError = { _tag: 'DataError', message: 'no more' }
    const good = toySource()
    const compiled = toyTrainer('flow_matching')
    const seen: number[] = []
    const run = lastValueFrom(
      pipe(
        dataset((step) => (step === 2 ? TE.left(failure) : good(step))),
        noised(flow()),
        descend(compiled),
        training(compiled, { steps: 5, seed: 1 }),
      ).pipe(
        map(({ metrics }) => {
          seen.push(metrics.step)
        }),
      ),
    )
    await expect(run).rejects.toBe(failure)
    expect(seen).toEqual([1, 2])
  })

  it('ends with a tagged error where the pipeline makes nothing of a step', async () => {
    const compiled = toyTrainer('flow_matching')
    const upToTwo = stage<'flow_matching', Descended, Descended>(({ state }) => filter(() => state.step < 2))
    const run = pipe(
      dataset(toySource()),
      noised(flow()),
      descend(compiled),
      upToTwo,
      training(compiled, { steps: 5, seed: 1 }),
    )
    await expect(lastValueFrom(run)).rejects.toMatchObject({ _tag: 'TrainingError', step: 2 })
  })

  it('refuses a number of steps that is none', () => {
    const compiled = toyTrainer('flow_matching')
    const close = training(compiled, { steps: NaN, seed: 1 })
    expect(() => close(pipe(dataset(toySource()), noised(flow()), descend(compiled)))).toThrow(RangeError)
  })

  it('holds at most one batch before a slow consumer, and a flat heap, over 30,000 batches', async () => {
    const steps = 30_000
    const source = toySource()
    const compiled = toyTrainer('flow_matching')
    let consumed = 0
    let waiting = 0
    const heaps: number[] = []
    const slow = observe(() => async () => {
      waiting = Math.max(waiting, source.pulled() - consumed)
      // Slower than the source: every so often a real pause, otherwise a turn of the event loop.
      await (consumed % 1000 === 0 ? sleep(2) : new Promise<void>((resolve) => setImmediate(resolve)))
      consumed += 1
      if (consumed % 10_000 === 0) {
        globalThis.gc?.()
        heaps.push(process.memoryUsage().heapUsed)
      }
      return { _tag: 'Right', right: undefined } as const
    })
    await lastValueFrom(
      pipe(dataset(source), noised(flow()), descend(compiled), slow, training(compiled, { steps, seed: 1 })),
    )
    expect(consumed).toBe(steps)
    expect(waiting).toBe(1)
    // A hundred bytes left behind by each batch would show.
    expect(heaps[2] - heaps[0]).toBeLessThan(20_000 * 100)
  })
})
