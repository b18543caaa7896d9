import type { VectorSpace } from '../algebra/index.js'
import { toData, toNoise, toVelocity, type Reading } from '../path/index.js'
import type { Parameterisation } from '../types/index.js'
import type { Prediction, Question } from './solver.js'

/** Lazy readings of one answer; a class because every evaluation of every trajectory makes one. */
class Answer<V> implements Prediction<V> {
  private data: V | undefined
  private noisy: V | undefined
  private flow: V | undefined
  private fresh: V | undefined

  constructor(
    private readonly space: VectorSpace<V>,
    private readonly parameterisation: Parameterisation,
    private readonly question: Question<V>,
    private readonly out: V,
    private readonly draw: () => V,
  ) {}

  private read({ latent, prediction }: Reading): V {
    if (latent === 0 && prediction === 1) return this.out
    return this.space.combine([
      [latent, this.question.x],
      [prediction, this.out],
    ])
  }

  get at() {
    return this.question.at
  }
  get x0(): V {
    return (this.data ??= this.read(toData(this.parameterisation, this.at)))
  }
  get epsilon(): V {
    return (this.noisy ??= this.read(toNoise(this.parameterisation, this.at)))
  }
  get velocity(): V {
    return (this.flow ??= this.read(toVelocity(this.parameterisation, this.at)))
  }
  get noise(): V {
    return (this.fresh ??= this.draw())
  }
}

const noNoise = (): never => {
  throw new Error(
    'A solver asked for fresh noise without being declared stochastic, or its driver gave it none',
  )
}

/**
 * The model's raw output `out` for a question, as a prediction: readings are linear in latent and output, so they fold into the
 * solver's own coefficients. `draw` supplies the fresh noise of a stochastic solver.
 *
 * @example
 * const at = flow().at(500)
 * const data = prediction(numberSpace, 'flow_matching', { x: 1, at }, 0.4).x0 // 0.8
 */
export const prediction = <V>(
  space: VectorSpace<V>,
  parameterisation: Parameterisation,
  question: Question<V>,
  out: V,
  draw: () => V = noNoise,
): Prediction<V> => new Answer(space, parameterisation, question, out, draw)
