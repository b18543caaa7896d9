import { grad } from 'deriva/autodiff'
import {
  decode,
  encode,
  input,
  leaves,
  mul,
  reduceMean,
  sub,
  topological,
  type Value,
  views,
} from 'deriva/onnx'
import { right } from './realistic.js'

/** Of how many operators a graph is: those that compute, and those that only change shapes. */
export type Count = { readonly computing: number; readonly reshaping: number }

/** As a file has them, where equal expressions are written once. */
export const written = (outputs: ReadonlyArray<Value>): Count => {
  const named = Object.fromEntries(outputs.map((value, i) => [`out${i}`, value]))
  const file = right(decode(encode({ outputs: named, parameters: 'inputs' })))
  const nodes = topological(Object.values(file.outputs)).flatMap((node) =>
    node.kind === 'operator' ? [node.operator] : [],
  )
  const reshaping = nodes.filter((name) => views.has(name)).length
  return { computing: nodes.length - reshaping, reshaping }
}

/** The mean squared error of what comes out, and its gradient with respect to every weight. */
export const differentiated = (output: Value): ReadonlyArray<Value> => {
  const difference = sub(output, input('target', output.type, output.shape))
  const loss = reduceMean(mul(difference, difference), undefined, false)
  const weights = leaves([output]).filter(({ node }) => node.kind === 'parameter')
  return [loss, ...right(grad(loss, weights))]
}
