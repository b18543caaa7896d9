import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { parentPort, workerData } from 'node:worker_threads'
import type { Tensor } from '../types/index.js'
import { type Device, devices } from './device.js'
import { discarded } from './discarded.js'
import type { EngineError, KeepingSession } from './engine.js'
import { localEngine } from './local-engine.js'
import {
  buffersOf,
  type CallName,
  type Calls,
  copied,
  type Kept,
  type Question,
  type QuestionOf,
  type Reference,
} from './messages.js'
import { queue } from './queue.js'
import type { Held, Values } from './value.js'

/** The other end of `workerEngine`: an engine of this thread, and the values that it keeps by number. */
const device: Device = devices.find((name) => name === workerData) ?? 'cpu'
const engine = localEngine(device)
const sessions = new Map<number, KeepingSession>()
const held = new Map<number, Held>()
let last = 0

const heldAs = (ids: ReadonlyArray<number>): Values =>
  Object.fromEntries(
    ids.flatMap((id) => {
      const value = held.get(id)
      return value === undefined ? [] : [[String(id), value]]
    }),
  )

const keep = (value: Held): Kept => {
  const id = ++last
  held.set(id, value)
  return { id, element: value.type === 'resident' ? value.element : value.type, dims: value.dims }
}

/** Tensors in this thread's memory; what is on a GPU the engine frees. */
const inMemory = (values: ReadonlyArray<Held | Reference | undefined>): ReadonlyArray<Tensor> =>
  values.flatMap((value) =>
    value === undefined || value.type === 'resident' || value.type === 'reference' ? [] : [value],
  )

/** What is done for each question, and which tensors of the answer change threads. */
const handlers: {
  readonly [K in CallName]: (take: Calls[K]['take']) => TE.TaskEither<EngineError, Calls[K]['give']>
} = {
  open: ({ model, keeps, options }) =>
    pipe(
      engine.openKeeping(model, keeps, options),
      TE.map((session) => {
        // The session has copies.
        if (!(model instanceof Uint8Array)) discarded(Object.values(model.beside).map((data) => ({ data })))
        const id = ++last
        sessions.set(id, session)
        return { session: id, inputs: session.inputs, outputs: session.outputs }
      }),
    ),
  run: ({ session, feeds }) => {
    const opened = sessions.get(session)
    if (opened === undefined)
      return TE.left({ _tag: 'EngineError', message: 'a session was run after its release' })
    const values = Object.fromEntries(
      Object.entries(feeds).flatMap(([name, feed]): ReadonlyArray<[string, Held]> => {
        const value = feed.type === 'reference' ? held.get(feed.id) : feed
        return value === undefined ? [] : [[name, value]]
      }),
    )
    return pipe(
      opened.run(values),
      TE.map(({ kept, rest }) => ({
        rest,
        kept: Object.fromEntries(Object.entries(kept).map(([name, value]) => [name, keep(value)])),
      })),
      TE.chainFirstIOK(() => () => {
        // They came with this question.
        discarded(inMemory(Object.values(feeds)))
      }),
    )
  },
  read: ({ ids }) =>
    pipe(
      engine.read(heldAs(ids)),
      TE.map((tensors) => {
        const [copies] = copied(ids.map((id) => tensors[String(id)]))
        return copies
      }),
    ),
  release: ({ ids }) =>
    TE.fromIO(() => {
      engine.release(heldAs(ids))()
      discarded(inMemory(ids.map((id) => held.get(id))))
      for (const id of ids) held.delete(id)
      return undefined
    }),
  closeSession: ({ session }) => {
    const opened = sessions.get(session)
    sessions.delete(session)
    return pipe(
      opened?.release ?? TE.right(undefined),
      TE.map(() => undefined),
    )
  },
  close: () =>
    pipe(
      [...sessions.values()].map(({ release }) => release),
      TE.sequenceSeqArray,
      TE.chain(() => engine.close),
      TE.map(() => {
        sessions.clear()
        held.clear()
        return undefined
      }),
    ),
}

/** The tensors of an answer; they are this thread's no longer once they are sent. */
const given: { readonly [K in CallName]: (give: Calls[K]['give']) => ReadonlyArray<Tensor> } = {
  open: () => [],
  run: ({ rest }) => Object.values(rest),
  read: (tensors) => tensors,
  release: () => [],
  closeSession: () => [],
  close: () => [],
}

const answer = async <K extends CallName>({ call, take, port }: QuestionOf<K>): Promise<void> => {
  const outcome = await handlers[call](take)()
  const owned = outcome._tag === 'Right' ? buffersOf(given[call](outcome.right)) : []
  port.postMessage(outcome, owned)
  port.close()
}

// One after the other, so that what is released has been read by all who were asked to before. Something thrown is a bug: the rejection
// ends this thread, and whoever waits is told.
const inTurn = queue()
parentPort?.on('message', (question: Question) => void inTurn(() => answer(question)))
