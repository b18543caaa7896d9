import { grad } from 'deriva/autodiff'
import { openSession } from 'deriva/engine'
import type { Loss, LossInputs } from 'deriva/loss'
import { encode, input, leaves, mul, reduceMean, sum, type Value } from 'deriva/onnx'
import { float32, type Parameterisation, type TensorOf } from 'deriva/types'
import { right } from '../either.js'

export type LossValues = {
  readonly shape: ReadonlyArray<number>
  readonly prediction: ReadonlyArray<number>
  readonly target: ReadonlyArray<number>
  readonly latents: ReadonlyArray<number>
  readonly data: ReadonlyArray<number>
  readonly clean?: ReadonlyArray<number>
  readonly biased?: ReadonlyArray<number>
  readonly rolled?: ReadonlyArray<number>
  readonly timestep?: ReadonlyArray<number>
  readonly alpha?: ReadonlyArray<number>
  readonly sigma?: ReadonlyArray<number>
  readonly given?: Readonly<Record<string, TensorOf<'float32'>>>
}

/** Compiles a loss over plain inputs, and computes its terms, its total and the gradient for the prediction. */
export const runLoss = async (loss: Loss<'flow_matching', string>, values: LossValues) =>
  runLossOf('flow_matching', loss, values)

/** The same for any parameterisation, and with a model for losses that ask it again. */
export const runLossOf = async <P extends Parameterisation>(
  parameterisation: P,
  loss: Loss<P, string>,
  values: LossValues,
  model: LossInputs<P>['model'] = () => {
    throw new Error('this loss was given no model')
  },
) => {
  const { shape } = values
  const [batch] = shape
  const tensor = (name: string): Value => input(name, 'float32', shape)
  const column = (name: string): Value => input(name, 'float32', [batch])
  const inputs: LossInputs<P, string> = {
    parameterisation,
    prediction: tensor('prediction'),
    biased: tensor('biased'),
    target: tensor('target'),
    latents: tensor('latents'),
    data: tensor('data'),
    clean: tensor('clean'),
    rolled: column('rolled'),
    timestep: column('timestep'),
    alpha: column('alpha'),
    sigma: column('sigma'),
    given: (name, own = shape) => input(name, 'float32', own),
    model,
  }
  const perSample = loss.terms.map((term) => term.perSample(inputs))
  const total = sum(loss.terms.map(({ weight }, i) => mul(weight, reduceMean(perSample[i], [0], false))))
  const [gradient] = right(grad(total, [inputs.prediction]))
  const outputs = {
    total,
    gradient,
    ...Object.fromEntries(loss.terms.map(({ name }, i) => [name, perSample[i]])),
  }
  const session = right(await openSession(encode({ outputs, parameters: 'inputs' }), { threads: 1 })())
  const zeros = new Array<number>(values.prediction.length).fill(0)
  const feeds: Readonly<Record<string, TensorOf<'float32'>>> = {
    prediction: float32(shape, values.prediction),
    biased: float32(shape, values.biased ?? values.prediction),
    target: float32(shape, values.target),
    latents: float32(shape, values.latents),
    data: float32(shape, values.data),
    clean: float32(shape, values.clean ?? zeros),
    rolled: float32([batch], values.rolled ?? new Array<number>(batch).fill(1)),
    timestep: float32([batch], values.timestep ?? new Array<number>(batch).fill(500)),
    alpha: float32([batch], values.alpha ?? new Array<number>(batch).fill(0.5)),
    sigma: float32([batch], values.sigma ?? new Array<number>(batch).fill(0.5)),
    ...values.given,
  }
  const out = right(await session.run(feeds)())
  return {
    total: Number(out['total'].data[0]),
    gradient: Array.from(out['gradient'].data, Number),
    terms: Object.fromEntries(loss.terms.map(({ name }) => [name, Array.from(out[name].data, Number)])),
    reads: leaves([total]).flatMap(({ node }) => (node.kind === 'input' ? [node.name] : [])),
  }
}
