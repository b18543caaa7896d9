import { openSession } from 'deriva/engine'
import { amplification } from 'deriva/laws'
import { mlp } from 'deriva/model'
import { encode, leaves } from 'deriva/onnx'
import { ddpm, flow } from 'deriva/path'
import { normal } from 'deriva/random'
import { runPrograms, unrolled, unrolledFeeds } from 'deriva/rollout'
import { program, type Program, type SolverName, solverNames, solvers, trailing } from 'deriva/solver'
import { type Parameters, sessionDenoiser } from 'deriva/train'
import { float32, int64, parameterisations } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { right } from '../either.js'

const steps = 6
const elements = 3
const paths = {
  flow: flow(),
  ddpm: ddpm({ betaSchedule: 'scaled_linear', betaStart: 0.00085, betaEnd: 0.012 }),
}

type Trial = { readonly name: SolverName; readonly label: string; readonly program: Program }

/** Every registered solver of every order, on both paths, whatever the model is said to predict. */
const trials: ReadonlyArray<Trial> = solverNames.flatMap((name) =>
  solvers[name].orders.flatMap((order) =>
    Object.entries(paths).flatMap(([family, path]) =>
      parameterisations.map((parameterisation) => ({
        name,
        label: `${name} of order ${order} on ${family} for ${parameterisation}`,
        program: program(solvers[name]({ order }), path, parameterisation, trailing(path, steps)),
      })),
    ),
  ),
)
const programs = trials.map(({ program }) => program)
const batch = programs.length
const shape = {
  evaluations: Math.max(...programs.map(({ evaluations }) => evaluations.length)),
  registers: Math.max(...programs.map(({ registers }) => registers)),
}

const drawn = (purpose: 'prior' | 'noise' | 'data', sample: number, length: number): Float32Array =>
  normal({ seed: 3, purpose, step: 0, sample }, new Float32Array(length))

const model = mlp({
  parameterisation: 'flow_matching',
  sample: [elements],
  width: 16,
  depth: 1,
  classes: 3,
  seed: 1,
})
/** Small random weights everywhere: the last layer of a fresh model is zero. */
const weights: Parameters = Object.fromEntries(
  leaves([model.prediction]).flatMap(({ node }, i) =>
    node.kind === 'parameter'
      ? [
          [
            node.name,
            float32(
              node.initial.dims,
              drawn('data', i, node.initial.data.length).map((w) => 0.3 * w),
            ),
          ],
        ]
      : [],
  ),
)

describe('the in-graph form', () => {
  it('agrees with the step-by-step form for every registered solver, all in one batch of one graph', async () => {
    const start = drawn('prior', 0, batch * elements)
    const noise = drawn('noise', 0, shape.evaluations * batch * elements)
    const label = int64(
      [batch],
      programs.map((_, i) => i % 3),
    )
    const forward = right(
      await openSession(encode({ outputs: { prediction: model.prediction }, parameters: 'inputs' }))(),
    )
    const denoiser = sessionDenoiser(forward, model, weights)
    const row = (sample: number, evaluation: number) => (sample * shape.evaluations + evaluation) * elements
    const stepwise = right(
      await runPrograms(denoiser, programs, start, { label }, (sample, evaluation, out) => {
        out.set(noise.subarray(row(sample, evaluation), row(sample, evaluation) + elements))
      })(),
    ).latents
    const session = right(
      await openSession(encode({ outputs: { latents: unrolled(model, shape) }, parameters: 'inputs' }))(),
    )
    const inGraph = right(
      await session.run({
        ...weights,
        label,
        start: float32([batch, elements], start),
        noise: float32([batch, shape.evaluations, elements], noise),
        ...unrolledFeeds(programs, shape),
      })(),
    )['latents'].data

    trials.forEach(({ label, program }, i) => {
      // Latents, outputs and draws here are of size 3; rounding is relative to what a program makes of them on the way.
      const tolerance = 3 * 1e-5 * amplification(program)
      for (let e = i * elements; e < (i + 1) * elements; e++)
        expect(Math.abs(Number(inGraph[e]) - stepwise[e]), label).toBeLessThan(tolerance)
    })
    // Nothing is shown where nothing moves, or where all solvers do the same.
    for (const name of solverNames) {
      const i = trials.findIndex((trial) => trial.name === name)
      expect(Math.abs(stepwise[i * elements] - start[i * elements])).toBeGreaterThan(0.01)
    }
  })
})
