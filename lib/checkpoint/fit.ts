import * as E from 'fp-ts/lib/Either.js'
import type { Parameters, State } from '../train/index.js'
import { type CheckpointError, checkpointError } from './disk.js'

const shapeText = (dims: ReadonlyArray<number> | undefined): string =>
  dims === undefined ? 'nothing of that name' : `[${dims.join(', ')}]`

/** The first parameter in which two sets differ, and how. */
const mismatch = (what: string, read: Parameters, wanted: Parameters): string | undefined => {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(read)])]
  const dims = (parameters: Parameters, name: string): ReadonlyArray<number> | undefined =>
    Object.hasOwn(parameters, name) ? parameters[name].dims : undefined
  const name = names.find((n) => shapeText(dims(read, n)) !== shapeText(dims(wanted, n)))
  return name === undefined
    ? undefined
    : `${what} "${name}" is ${shapeText(dims(read, name))} in the checkpoint and ${shapeText(dims(wanted, name))} in the model`
}

const inOrderOf = (read: Parameters, wanted: Parameters): Parameters =>
  Object.fromEntries(Object.keys(wanted).map((name) => [name, read[name]]))

/**
 * A state that was read, as one that this model and optimizer can go on from. Where the run now keeps an average and the
 * checkpoint has none, the average starts at the parameters; where it no longer does, the average is dropped.
 *
 * @param path of the checkpoint, named in the error
 * @param initial the state that training would start from: names, shapes and slots are compared with it
 * @param averages whether the run keeps a moving average
 * @returns Left `CheckpointError` naming the first tensor that does not fit
 * @example
 * declare const read: State, initial: State
 * const state = fitted('runs/a/checkpoint-000500', read, initial, true)
 */
export const fitted = (
  path: string,
  read: State,
  initial: State,
  averages: boolean,
): E.Either<CheckpointError, State> => {
  const slots = Object.keys(initial.slots)
  const ofModel =
    mismatch('parameter', read.parameters, initial.parameters) ??
    mismatch('average of', read.ema, initial.parameters)
  const ofOptimizer = slots
    .map((slot) =>
      Object.hasOwn(read.slots, slot)
        ? mismatch(`${slot} of`, read.slots[slot], initial.slots[slot])
        : `the optimizer's ${slot} is not in the checkpoint`,
    )
    .find((found) => found !== undefined)
  const problem = ofModel ?? ofOptimizer
  if (problem !== undefined)
    return E.left(
      checkpointError(
        path,
        `does not fit: ${problem}; resume with the ${ofModel === undefined ? 'optimizer' : 'model options'} it was trained with`,
      ),
    )
  const parameters = inOrderOf(read.parameters, initial.parameters)
  return E.right({
    step: read.step,
    parameters,
    ema: averages ? inOrderOf(read.ema, initial.parameters) : parameters,
    slots: Object.fromEntries(slots.map((slot) => [slot, inOrderOf(read.slots[slot], initial.slots[slot])])),
  })
}
