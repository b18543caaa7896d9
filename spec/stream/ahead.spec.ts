import {
  ahead,
  dataset,
  descend,
  noised,
  observe,
  type Pipeline,
  stageTask,
  targets,
  training,
} from 'deriva/stream'
import { ddpm, flow } from 'deriva/path'
import type { Trainer } from 'deriva/train'
import type { Batch, DerivaError, Parameterisation, Source } from 'deriva/types'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { forkJoin, lastValueFrom, take, toArray } from 'rxjs'
import { describe, expect, it, vi } from 'vitest'
import { toySource, toyTrainer } from './toy.js'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Batches that are pulled slowly, and steps that take longer, by the events and not by the clock; every event is noted. */
const observed = (steps: number) => {
  const [events, toy, trainer]: [string[], Source, ReturnType<typeof toyTrainer<'flow_matching'>>] = [
    [],
    toySource(),
    toyTrainer('flow_matching'),
  ]
  const source: Source = (step) => async () => {
    events.push(`pull ${step}`)
    await pause(20)
    events.push(`pulled ${step}`)
    return toy(step)()
  }
  const slow = observe(({ state }: { readonly state: { readonly step: number } }) => async () => {
    events.push(`compute ${state.step - 1}`)
    if (state.step < steps)
      await vi.waitUntil(() => events.includes(`pulled ${state.step}`), { timeout: 60_000, interval: 5 })
    // Time enough to pull one batch more than allowed.
    await pause(30)
    events.push(`computed ${state.step - 1}`)
    return { _tag: 'Right', right: undefined } as const
  })
  return { events, source, trainer, slow }
}

describe('ahead', () => {
  it('pulls the next batch during the step, one and no more, and none beyond the last', async () => {
    const { events, source, trainer, slow } = observed(4)
    const pipeline = pipe(dataset(source), noised(flow()), ahead(), descend(trainer), slow)
    await lastValueFrom(pipe(pipeline, training(trainer, { steps: 4, seed: 1 })))
    await pause(50)
    const at = (event: string): number => events.indexOf(event)
    for (const step of [1, 2, 3]) {
      expect(at(`pull ${step}`)).toBeLessThan(at(`computed ${step - 1}`))
      expect(at(`pulled ${step}`)).toBeLessThan(at(`computed ${step - 1}`))
      // Bounded: the batch after that has to wait until this one is taken.
      expect(at(`pull ${step}`)).toBeGreaterThan(step === 1 ? at('pulled 0') : at(`computed ${step - 2}`))
    }
    expect(events.filter((event) => event.startsWith('pull '))).toHaveLength(4)
  })

  it('prepares nothing for one training that another would be taught by', async () => {
    const path = ddpm({ betaSchedule: 'linear' })
    const start = pipe(dataset(toySource()), noised(path), ahead())
    const run = <P extends 'epsilon' | 'v_prediction'>(trainer: Trainer<P>, ms: number) => {
      const waited = observe(() => TE.fromTask(() => pause(ms)))
      return pipe(start, descend(trainer), waited, training(trainer, { steps: 4, seed: 1 }), toArray())
    }
    const both = forkJoin([run(toyTrainer('epsilon'), 40), run(toyTrainer('v_prediction'), 10)])
    const [, taught] = await lastValueFrom(both)
    for (const { x0, noise, timesteps, target } of taught)
      expect(target).toEqual(targets('v_prediction', path, { x0 }, noise, timesteps))
  })

  it('changes nothing but the time it takes', async () => {
    const trainer = toyTrainer('flow_matching')
    const run = (pipeline: Pipeline<Parameterisation, Batch>) =>
      lastValueFrom(
        pipe(pipeline, noised(flow()), descend(trainer), training(trainer, { steps: 5, seed: 3 }), toArray()),
      )
    const source = toySource()
    const plain = await run(dataset(source))
    const early = await run(pipe(dataset(source), ahead()))
    const late = await lastValueFrom(
      pipe(
        dataset(source),
        noised(flow()),
        ahead(),
        descend(trainer),
        training(trainer, { steps: 5, seed: 3 }),
        toArray(),
      ),
    )
    const seen = (steps: typeof plain) =>
      steps.map(({ latents, state, ids }) => ({ latents, step: state.step, ids }))
    expect(seen(early)).toEqual(seen(plain))
    expect(seen(late)).toEqual(seen(plain))
  })

  it('tells what failed early at its own step', async () => {
    const trainer = toyTrainer('flow_matching')
    const toy = toySource()
    const source: Source = (step) =>
      step < 2 ? toy(step) : TE.left({ _tag: 'DataError', message: `no batch ${step}` })
    const seen: number[] = []
    const steps = pipe(
      dataset(source),
      noised(flow()),
      ahead(),
      descend(trainer),
      observe(({ state }: { readonly state: { readonly step: number } }) =>
        TE.fromTask(async () => {
          await pause(10)
          seen.push(state.step)
        }),
      ),
      training(trainer, { steps: 4, seed: 1 }),
    )
    await expect(lastValueFrom(steps)).rejects.toEqual({ _tag: 'DataError', message: 'no batch 2' })
    expect(seen).toEqual([1, 2])
  })

  it('stops where nobody listens any more', async () => {
    const { events, source, trainer, slow } = observed(100)
    const pipeline = pipe(dataset(source), noised(flow()), ahead(), descend(trainer), slow)
    await lastValueFrom(pipe(pipeline, training(trainer, { steps: 100, seed: 1 }), take(1)))
    await pause(60)
    expect(events.filter((event) => event.startsWith('pull ')).length).toBeLessThanOrEqual(2)
  })

  it('refuses to look at weights that do not exist yet', async () => {
    const trainer = toyTrainer('flow_matching')
    const asking = stageTask<Parameterisation, Batch, Batch>(
      ({ denoiser }) =>
        (batch) =>
          pipe(
            denoiser.predict(batch.x0, new Float32Array(batch.ids.length), batch.conditioning),
            TE.map(() => batch),
            TE.mapLeft((error): DerivaError => error),
          ),
    )
    const steps = pipe(
      dataset(toySource()),
      asking,
      ahead(),
      noised(flow()),
      descend(trainer),
      training(trainer, { steps: 1, seed: 1 }),
    )
    await expect(lastValueFrom(steps)).rejects.toMatchObject({
      _tag: 'EngineError',
      message: expect.stringContaining('before ahead()') as string,
    })
  })
})
