import { mse } from 'deriva/loss'
import type { Model } from 'deriva/model'
import { cast, constant, decode, input, substitute, type Value } from 'deriva/onnx'
import { adamw, type Lesson, type State, trainer } from 'deriva/train'
import type { Conditioning, Tensor } from 'deriva/types'
import { describe, expect, it } from 'vitest'
import { type GoldenCase, goldenCase, goldenCases, tensorOf } from '../golden/gradients.js'
import { right } from '../either.js'

/**
 * The whole training step (forward, loss, backward, optimizer, as one graph) against AdamW trajectories that PyTorch computed
 * in float64, by the rule of the fixtures' README: compare the change of each parameter, in units of the learning rate.
 */

const numbers = (tensor: Tensor): Float32Array => Float32Array.from(tensor.data, Number)

/** A golden graph under the names that a denoiser's inputs have here. */
const modelOf = ({ model, meta }: GoldenCase, sample: ReadonlyArray<number>): Model<'sample'> => {
  const { outputs } = right(decode(model))
  const renamed = (leaf: Value): Value | undefined => {
    // To freeze a weight is to make it a constant.
    if (leaf.node.kind === 'parameter')
      return meta.frozen.includes(leaf.node.name) ? constant(leaf.node.initial) : undefined
    if (leaf.node.kind !== 'input') return undefined
    const shape = ['batch', ...leaf.shape.slice(1)]
    switch (leaf.node.name) {
      case 'x':
        return input('latents', 'float32', shape)
      case 't':
        return cast(input('timestep', 'float32', shape), leaf.type)
      default:
        return input(leaf.node.name, leaf.type, shape)
    }
  }
  const [prediction] = substitute(Object.values(outputs), renamed)
  return { parameterisation: 'sample', sample, prediction }
}

const nets = goldenCases.filter(({ kind }) => kind === 'net').map(({ path }) => path)

describe('the training step', () => {
  it.each(nets)('%s: parameters after one and three AdamW steps, and the losses on the way', async (path) => {
    const golden = goldenCase(path)
    const { meta } = golden
    if (meta.adamw === null) throw new Error('no AdamW settings')
    const { lr, betas, eps, weight_decay } = meta.adamw
    const [batchSize] = meta.output.shape
    const model = modelOf(golden, meta.output.shape.slice(1))
    const compiled = right(
      await trainer({
        model,
        loss: mse,
        optimizer: adamw({
          learningRate: () => lr,
          beta1: betas[0],
          beta2: betas[1],
          epsilon: eps,
          weightDecay: weight_decay,
        }),
        batchSize,
        decays: (name) => meta.trainable.includes(name),
      })(),
    )
    const x = numbers(tensorOf(golden, 'input/x'))
    const conditioning: Conditioning = Object.fromEntries(
      meta.inputs
        .filter(({ name }) => name !== 'x' && name !== 't')
        .map(({ name }) => [name, tensorOf(golden, `input/${name}`)]),
    )
    const lesson: Lesson = {
      latents: x,
      target: numbers(tensorOf(golden, 'target')),
      x0: x,
      timesteps: meta.inputs.some(({ name }) => name === 't')
        ? numbers(tensorOf(golden, 'input/t'))
        : new Float32Array(batchSize),
      rolled: new Float32Array(batchSize),
      clean: x,
      conditioning,
      given: {},
    }

    const states: State[] = [compiled.initial]
    for (const expected of meta.losses_float64.slice(0, 3)) {
      const { loss, state } = right(await compiled.descend(states[states.length - 1], lesson)())
      expect(Math.abs(loss / expected - 1)).toBeLessThan(1e-5)
      states.push(state)
    }

    const [before, after1, , after3] = states.map(({ parameters }) => parameters)
    const smallest = meta.suggested_tolerance.adamw_min_abs_grad ?? 0
    for (const [steps, after] of [
      [1, after1],
      [3, after3],
    ] as const)
      for (const name of meta.trainable) {
        const expected = tensorOf(golden, `adamw${steps}/${name}`).data
        const gradient = tensorOf(golden, `grad/param/${name}`).data
        const deviations = Array.from(before[name].data, (p, i) => {
          const off = Math.abs(after[name].data[i] - Number(expected[i])) / lr
          const moved = Math.abs(after[name].data[i] - p) / lr
          // Below that gradient Adam turns rounding into steps; there only the length of the step can be checked.
          return Math.abs(Number(gradient[i])) >= smallest ? off : moved > 1.02 * steps ? moved : 0
        })
        expect(Math.max(...deviations), `${name} after ${steps}`).toBeLessThan(0.01 + 6e-5)
      }
  })
})
