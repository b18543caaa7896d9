import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type EngineError, openSession, type SessionOptions } from '../engine/index.js'
import { takeRows, type Tensor } from '../types/index.js'
import { names, type StepFiles } from './training-graph.js'

type Tensors = Readonly<Record<string, Tensor>>

/**
 * An optimizer step that can be run: what the state and the batch are fed as to what comes out, by the names of `names`.
 * Every tensor of the batch has the batch as its leading axis.
 */
export type Step = (state: Tensors, batch: Tensors) => TE.TaskEither<EngineError, Tensors>

/** The rows that fall to one of so many equal parts. */
const partOf = (batch: Tensors, part: number, parts: number): Tensors =>
  Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => {
      const rows = tensor.dims[0] / parts
      return [
        name,
        takeRows(
          tensor,
          Array.from({ length: rows }, (_, i) => part * rows + i),
        ),
      ]
    }),
  )

/**
 * Compiles an optimizer step.
 *
 * @returns Left `EngineError` when ONNX Runtime refuses a file
 * @example
 * declare const graph: TrainingGraph
 * const step = openStep(graph.files, { threads: 1 })
 */
export const openStep = (
  files: StepFiles,
  options: Pick<SessionOptions, 'threads'> = {},
): TE.TaskEither<EngineError, Step> => {
  if (files.kind === 'whole')
    return pipe(
      openSession(files.step, { name: 'training step', ...options }),
      TE.map((session) => (state, batch) => session.run({ ...state, ...batch })),
    )
  const { part, update, parts, zeros } = files
  const sumNames = Object.keys(zeros)
  return pipe(
    TE.Do,
    TE.bind('part', () => openSession(part, { name: 'part of the training step', ...options })),
    TE.bind('update', () => openSession(update, { name: 'update of the weights', ...options })),
    TE.map((sessions): Step => (state, batch) => {
      const added = (sums: Tensors, i: number): TE.TaskEither<EngineError, Tensors> =>
        pipe(
          sessions.part.run({ ...state, ...partOf(batch, i, parts), ...sums }),
          TE.map((outputs) => Object.fromEntries(sumNames.map((name) => [name, outputs[names.next(name)]]))),
        )
      const all = Array.from({ length: parts }, (_, i) => i).reduce<TE.TaskEither<EngineError, Tensors>>(
        (sums, i) =>
          pipe(
            sums,
            TE.chain((before) => added(before, i)),
          ),
        TE.right(zeros),
      )
      return pipe(
        all,
        TE.chain((sums) =>
          pipe(
            sessions.update.run({ ...state, ...sums }),
            TE.map((outputs) => ({ ...sums, ...outputs })),
          ),
        ),
      )
    }),
  )
}
