import { MessageChannel } from 'node:worker_threads'
import type { Tensor } from '../types/index.js'
import { buffersOf } from './messages.js'

/** What is handed over at a closed port is gone at once. */
const { port1: nowhere } = new MessageChannel()
nowhere.close()

/**
 * Gives back the memory of tensors that nobody will read again, without waiting for the garbage collector, which does not know how much a step
 * needs: it goes with a message to nobody. Their data is empty afterwards.
 *
 * @param tensors in memory of their own; constant tensors shared with others would be lost to these too
 * @example
 * discarded([float32([2], [1, 2])])
 */
export const discarded = (tensors: ReadonlyArray<Pick<Tensor, 'data'>>): void => {
  nowhere.postMessage(undefined, buffersOf(tensors))
}
