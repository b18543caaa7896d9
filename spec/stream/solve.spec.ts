import * as E from 'fp-ts/lib/Either.js'
import { setTimeout as sleep } from 'node:timers/promises'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { flow } from 'deriva/path'
import { type Denoiser, runPrograms } from 'deriva/rollout'
import { dpm, euler, program, rk4, type Solver, trailing, unipc } from 'deriva/solver'
import { type Departing, solve, trajectory } from 'deriva/stream'
import type { DerivaError } from 'deriva/types'
import { firstValueFrom, from, lastValueFrom, of, take, toArray } from 'rxjs'
import { describe, expect, it } from 'vitest'
import { toyDenoiser } from '../rollout/toy-denoiser.js'

const path = flow()
const programOf = (solver: Solver, steps = 6) => program(solver, path, 'flow_matching', trailing(path, steps))
const departing: Departing = { latents: Float32Array.of(0.3, -1.2, 2, 0.1), count: 2, conditioning: {} }

const alone = async (solver: Solver, latents: Float32Array): Promise<ReadonlyArray<number>> => {
  const result = await runPrograms(denoiserOf(), [programOf(solver)], latents, {})()
  return E.isRight(result) ? [...result.right.latents] : []
}
const denoiserOf = (): ReturnType<typeof toyDenoiser<'flow_matching'>> => toyDenoiser('flow_matching')

describe('trajectory', () => {
  it('can be watched evaluation by evaluation, from start to end', async () => {
    const snapshots = await lastValueFrom(
      trajectory(denoiserOf(), [programOf(euler()), programOf(euler())], departing).pipe(toArray()),
    )
    expect(snapshots.map(({ evaluation }) => evaluation)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(snapshots[0].latents).toEqual(departing.latents)
    expect(snapshots.map(({ done }) => done)).toEqual([false, false, false, false, false, false, true])
    expect(new Set(snapshots.map(({ latents }) => latents[0])).size).toBe(7)
  })

  it('lets samples with different solvers share a batch', async () => {
    const { latents } = await lastValueFrom(
      trajectory(denoiserOf(), [programOf(rk4()), programOf(dpm({ order: 2 }))], departing),
    )
    expect([...latents.subarray(0, 2)]).toEqual(await alone(rk4(), Float32Array.of(0.3, -1.2)))
    expect([...latents.subarray(2)]).toEqual(await alone(dpm({ order: 2 }), Float32Array.of(2, 0.1)))
  })

  it('stops within one model call of being unsubscribed', async () => {
    const denoiser = denoiserOf()
    await firstValueFrom(
      trajectory(denoiser, [programOf(euler(), 100), programOf(euler(), 100)], departing).pipe(take(1)),
    )
    await sleep(10)
    expect(denoiser.calls.length).toBeLessThanOrEqual(1)
  })

  it('starts anew for every subscriber', async () => {
    const snapshots = trajectory(
      denoiserOf(),
      [programOf(unipc({ order: 2 })), programOf(euler())],
      departing,
    )
    expect(await lastValueFrom(snapshots)).toEqual(await lastValueFrom(snapshots))
  })

  it('ends with the tagged error of a model that fails', async () => {
    const failure: DerivaError = { _tag: 'EngineError', message: 'out of memory' }
    const failing: Denoiser<'flow_matching'> = {
      parameterisation: 'flow_matching',
      predict: () => TE.left(failure),
    }
    await expect(
      lastValueFrom(trajectory(failing, [programOf(euler()), programOf(euler())], departing)),
    ).rejects.toBe(failure)
  })
})

describe('solve', () => {
  it('turns starting latents into finished trajectories, in order', async () => {
    const starts = [departing, { ...departing, latents: departing.latents.map((x) => 2 * x) }]
    const finished = await lastValueFrom(
      from(starts).pipe(solve(unipc({ order: 2 }), trailing(path, 6))(path, denoiserOf()), toArray()),
    )
    expect(finished.map(({ done }) => done)).toEqual([true, true])
    expect([...finished[0].latents.subarray(0, 2)]).toEqual(
      await alone(unipc({ order: 2 }), Float32Array.of(0.3, -1.2)),
    )
    expect([...finished[1].latents.subarray(0, 2)]).toEqual(
      await alone(
        unipc({ order: 2 }),
        Float32Array.of(0.3, -1.2).map((x) => 2 * x),
      ),
    )
  })

  it('exchanges solvers without touching anything else', async () => {
    const run = (solver: Solver) =>
      lastValueFrom(of(departing).pipe(solve(solver, trailing(path, 6))(path, denoiserOf())))
    const results = await Promise.all([euler(), rk4(), unipc({ order: 3 })].map(run))
    expect(new Set(results.map(({ latents }) => latents[0])).size).toBe(3)
  })
})
