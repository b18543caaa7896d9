import { setImmediate } from 'node:timers/promises'
import type * as E from 'fp-ts/lib/Either.js'
import type { MessagePort, Transferable } from 'node:worker_threads'
import { elementArrays, type ElementType, type Tensor } from '../types/index.js'
import type { EngineError, SessionOptions } from './engine.js'
import type { ModelParts } from './parts.js'
import type { Tensors } from './value.js'

/** What stays with the worker, as it is named between the threads. */
export type Reference = { readonly type: 'reference'; readonly id: number }
export type Kept = {
  readonly id: number
  readonly element: ElementType
  readonly dims: ReadonlyArray<number>
}

/** What the worker is asked, and what it answers. */
export type Calls = {
  readonly open: {
    readonly take: {
      readonly model: Uint8Array | ModelParts
      readonly keeps: ReadonlyArray<string>
      readonly options: SessionOptions
    }
    readonly give: {
      readonly session: number
      readonly inputs: ReadonlyArray<string>
      readonly outputs: ReadonlyArray<string>
    }
  }
  readonly run: {
    readonly take: {
      readonly session: number
      readonly feeds: Readonly<Record<string, Tensor | Reference>>
    }
    readonly give: { readonly kept: Readonly<Record<string, Kept>>; readonly rest: Tensors }
  }
  readonly read: {
    readonly take: { readonly ids: ReadonlyArray<number> }
    readonly give: ReadonlyArray<Tensor>
  }
  readonly release: { readonly take: { readonly ids: ReadonlyArray<number> }; readonly give: undefined }
  readonly closeSession: { readonly take: { readonly session: number }; readonly give: undefined }
  readonly close: { readonly take: undefined; readonly give: undefined }
}

export type CallName = keyof Calls

/** A question, with the port that the answer is expected at. */
export type QuestionOf<K extends CallName> = {
  readonly call: K
  readonly take: Calls[K]['take']
  readonly port: MessagePort
}

export type Question = { readonly [K in CallName]: QuestionOf<K> }[CallName]

export type Answer<K extends CallName> = E.Either<EngineError, Calls[K]['give']>

type Copies = readonly [ReadonlyArray<Tensor>, ReadonlyArray<Transferable>]

/** Bytes that are copied at a stretch: a few milliseconds of work. */
const stretch = 2 ** 22

/** Copies of tensors, with a halt after each stretch. */
function* copying(tensors: ReadonlyArray<Tensor>): Generator<undefined, Copies> {
  const copies = new Map<Tensor['data'], ArrayBuffer>()
  let sinceHalt = 0
  for (const { data } of tensors) {
    if (copies.has(data)) continue
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const copy = new Uint8Array(bytes.length)
    for (let start = 0; start < bytes.length;) {
      const end = Math.min(bytes.length, start + stretch - sinceHalt)
      copy.set(bytes.subarray(start, end), start)
      sinceHalt += end - start
      start = end
      if (sinceHalt < stretch) continue
      sinceHalt = 0
      yield undefined
    }
    copies.set(data, copy.buffer)
  }
  const all = tensors.map((tensor) => over(tensor, copies.get(tensor.data) ?? new ArrayBuffer(0)))
  return [all, buffersOf(all)]
}

/**
 * Copies of tensors in arrays of their own, which can change threads. Tensors over the same data share the copy, and a view of a
 * larger array is copied without the rest of it.
 *
 * @returns the copies, and what to hand over with them
 * @example
 * const [copies, owned] = copied([float32([2], [1, 2])])
 */
export const copied = (tensors: ReadonlyArray<Tensor>): Copies => {
  const copies = copying(tensors)
  let turn = copies.next()
  while (turn.done !== true) turn = copies.next()
  return turn.value
}

/**
 * The same, with pauses in which timers and signals have their turn: the weights of a model are hundreds of megabytes.
 *
 * @example
 * const copies: Promise<unknown> = copiedWithPauses([float32([2], [1, 2])])
 */
export const copiedWithPauses = async (tensors: ReadonlyArray<Tensor>): Promise<Copies> => {
  const copies = copying(tensors)
  let turn = copies.next()
  while (turn.done !== true) {
    await setImmediate()
    turn = copies.next()
  }
  return turn.value
}

/** The tensor with its data in other memory. */
const over = <T extends Tensor>(tensor: T, bytes: ArrayBuffer): T => {
  const data = new elementArrays[tensor.type](bytes)
  // The table gives the array that belongs to the element type, which the compiler cannot follow through a union.
  return { ...tensor, data }
}

/**
 * The memory that these tensors' data lie in, each piece once: handed over with a message it changes threads without a copy.
 *
 * @example
 * const buffers = buffersOf([float32([2], [1, 2])])
 */
export const buffersOf = (tensors: ReadonlyArray<Pick<Tensor, 'data'>>): ReadonlyArray<Transferable> => [
  ...new Set(tensors.map(({ data }) => data.buffer).filter((memory) => memory instanceof ArrayBuffer)),
]
