import { grad } from 'deriva/autodiff'
import { openSession, type Session } from 'deriva/engine'
import { decode, encode, input, leaves, mul, reduceMean, sub, type Value } from 'deriva/onnx'
import { size, type Tensor } from 'deriva/types'
import { fromBinary } from '@bufbuild/protobuf'
import { toNumbers } from '../../lib/onnx/element.js'
import { ModelProtoSchema } from '../../lib/onnx/proto/onnx_pb.js'
import { tensorOf, type GoldenCase } from '../golden/gradients.js'
import { right } from '../either.js'

/** A golden graph with loss and gradients: parameters are inputs, so that a spec can move them. */
export type Training = {
  readonly session: Session
  /** Names of parameters and of float inputs. */
  readonly parameters: ReadonlyArray<string>
  readonly inputs: ReadonlyArray<string>
  readonly initial: Readonly<Record<string, Tensor>>
  /** Milliseconds for the gradients as graph values, and for writing them as a file. */
  readonly built: number
  readonly encoded: number
}

const nameOf = ({ node }: Value): string => ('name' in node ? (node.name ?? '') : '')

/** What a golden graph's symbolic dimensions were when its references were made. */
const lengthsOf = ({ model, ...golden }: GoldenCase): Readonly<Record<string, number>> =>
  Object.fromEntries(
    (fromBinary(ModelProtoSchema, model).graph?.input ?? []).flatMap(({ name, type }) => {
      const dims = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : []
      const actual = golden.tensors.get(`input/${name}`)?.dims ?? []
      return dims.flatMap(({ value }, i) =>
        value.case === 'dimParam' ? [[value.value, actual[i]] as const] : [],
      )
    }),
  )

/** mean((output − target)²) and its gradients, at the batch size of the reference. */
export const training = async (golden: GoldenCase): Promise<Training> => {
  const graph = right(decode(golden.model, { dims: lengthsOf(golden) }))
  const output = graph.outputs[golden.meta.output.name]
  const difference = sub(output, input('target', 'float32', output.shape))
  const loss = reduceMean(mul(difference, difference), undefined, false)
  const parameters = leaves([output]).filter(({ node }) => node.kind === 'parameter')
  const inputs = graph.inputs.filter(({ type }) => type === 'float32')
  const start = performance.now()
  const gradients = right(grad(loss, [...parameters, ...inputs]))
  const built = performance.now() - start
  const named = Object.fromEntries(
    [
      ...parameters.map((x) => `grad/param/${nameOf(x)}`),
      ...inputs.map((x) => `grad/input/${nameOf(x)}`),
    ].map((name, i) => [name, gradients[i]]),
  )
  const bytes = encode({ outputs: { loss, ...named }, parameters: 'inputs' })
  const encoded = performance.now() - start - built
  return {
    session: right(await openSession(bytes, { threads: 1 })()),
    parameters: parameters.map(nameOf),
    inputs: inputs.map(nameOf),
    initial: Object.fromEntries(
      parameters.flatMap(({ node }) => (node.kind === 'parameter' ? [[node.name, node.initial]] : [])),
    ),
    built,
    encoded,
  }
}

/** One run at some parameters: the loss, and gradients as `grad/param/w` and `grad/input/x`. */
export const runTraining = async (
  { session }: Training,
  golden: GoldenCase,
  parameters: Readonly<Record<string, Tensor>>,
): Promise<Readonly<Record<string, Tensor>>> => {
  const fed = golden.meta.inputs.map(({ name }) => [name, tensorOf(golden, `input/${name}`)] as const)
  return right(
    await session.run({ ...Object.fromEntries(fed), ...parameters, target: tensorOf(golden, 'target') })(),
  )
}

export const norm = (xs: Float64Array): number => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0))

/** ‖a − b‖ / max(‖b‖, floor). */
export const relativeDistance = (a: Tensor, b: Tensor, floor: number): number => {
  const expected = toNumbers(b)
  if (size(a.dims) !== size(b.dims)) return Infinity
  return norm(toNumbers(a).map((x, i) => x - expected[i])) / Math.max(norm(expected), floor)
}
