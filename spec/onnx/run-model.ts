import * as ort from 'onnxruntime-node'
import type { ElementType, Tensor } from '../../lib/types/index.js'

/** What ONNX Runtime makes of a file: outputs by name. One thread, and quiet about constants it folds differently. */
export const runModel = async (
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  options: ort.InferenceSession.SessionOptions = {},
): Promise<ReadonlyMap<string, Tensor>> => {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    ...options,
  })
  const results = await session.run(
    Object.fromEntries(
      Object.entries(feeds).map(([name, { type, data, dims }]) => [
        name,
        new ort.Tensor(type as ort.Tensor.Type, data as never, dims),
      ]),
    ),
  )
  const outputs = new Map(
    session.outputNames.map((name) => {
      const { type, dims, data } = results[name]
      return [name, { type: type as ElementType, dims, data } as Tensor]
    }),
  )
  await session.release()
  return outputs
}

/** max |a − b| / max |b|; infinite where the sizes differ. */
export const relativeError = (a: Tensor, b: Tensor): number => errorOver(a, b, 0)

/** max |a − b| / max(1, |b|), for results of sums that may cancel; infinite where the sizes differ. */
export const worstError = (a: Tensor, b: Tensor): number => errorOver(a, b, 1)

const errorOver = (a: Tensor, b: Tensor, least: number): number => {
  if (a.data.length !== b.data.length) return Infinity
  let difference = 0
  let scale = least
  b.data.forEach((expected: number | bigint, i: number) => {
    difference = Math.max(difference, Math.abs(Number(a.data[i]) - Number(expected)))
    scale = Math.max(scale, Math.abs(Number(expected)))
  })
  return difference === 0 ? 0 : difference / scale
}
