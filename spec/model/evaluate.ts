import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { openSession } from 'deriva/engine'
import { encode, type Value } from 'deriva/onnx'
import type { Tensor } from 'deriva/types'

/** What ONNX Runtime computes for a value, weights at their initial values. */
export const evaluate = async (
  value: Value,
  inputs: Readonly<Record<string, Tensor>> = {},
): Promise<Tensor> => {
  const result = await pipe(
    openSession(encode({ outputs: { result: value }, parameters: 'initializers' })),
    TE.chain((session) =>
      pipe(
        session.run(inputs),
        TE.chainFirst(() => session.release),
      ),
    ),
  )()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right.result
}
