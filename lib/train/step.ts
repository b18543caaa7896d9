import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Engine, EngineError, Kept, SessionOptions, Tensors, Values } from '../engine/index.js'
import { takeRows } from '../types/index.js'
import { names } from './names.js'
import type { StepFiles } from './training-graph.js'

/**
 * An optimizer step that can be run: what the state and the batch are fed as to what comes out, by the names of `names`; what
 * follows the state stays where it is computed. Every tensor of the batch has the batch as its leading axis.
 */
export type Step = (state: Values, batch: Tensors) => TE.TaskEither<EngineError, Kept>

const plain = (values: Values): Tensors =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value.type === 'resident' ? [] : [[name, value]])),
  )

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
 * @param kept what stays where it is computed, of what is trained: parameters, averages and memory, by the names they are fed under
 * @returns Left `EngineError` when ONNX Runtime refuses a file
 * @example
 * declare const engine: Engine, graph: TrainingGraph
 * const step = openStep(engine, graph.files, Object.keys(graph.parameters), { threads: 1 })
 */
export const openStep = (
  engine: Engine,
  files: StepFiles,
  kept: ReadonlyArray<string>,
  options: Pick<SessionOptions, 'threads'> = {},
): TE.TaskEither<EngineError, Step> => {
  const successors = kept.map(names.next)
  if (files.kind === 'whole')
    return pipe(
      engine.openKeeping(files.step, successors, { name: 'training step', ...options }),
      TE.map((session) => (state, batch) => session.run({ ...state, ...batch })),
    )
  const { part, update, parts, zeros } = files
  const sumNames = Object.keys(zeros)
  // The sums of the gradients are as large as the parameters; the others are scalars, which are wanted in the end.
  const large = sumNames.filter((name) => zeros[name].dims.length > 0)
  return pipe(
    TE.Do,
    TE.bind('part', () =>
      engine.openKeeping(part, large.map(names.next), { name: 'part of the training step', ...options }),
    ),
    TE.bind('update', () =>
      engine.openKeeping(update, successors, { name: 'update of the weights', ...options }),
    ),
    TE.map((sessions): Step => (state, batch) => {
      const added = (sums: Values, i: number): TE.TaskEither<EngineError, Values> =>
        pipe(
          sessions.part.run({ ...state, ...partOf(batch, i, parts), ...sums }),
          TE.map((outputs) => {
            engine.release(sums)()
            const all: Values = { ...outputs.kept, ...outputs.rest }
            return Object.fromEntries(sumNames.map((name) => [name, all[names.next(name)]]))
          }),
        )
      const all = Array.from({ length: parts }, (_, i) => i).reduce<TE.TaskEither<EngineError, Values>>(
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
            TE.map(({ kept: next, rest }) => {
              engine.release(sums)()
              return { kept: next, rest: { ...plain(sums), ...rest } }
            }),
          ),
        ),
      )
    }),
  )
}
