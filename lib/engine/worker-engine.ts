import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type Transferable, Worker } from 'node:worker_threads'
import type { Tensor } from '../types/index.js'
import type { Device } from './device.js'
import { type Engine, type EngineError, engineError, keepingNothing, type KeepingSession } from './engine.js'
import { type Answer, type CallName, type Calls, copiedWithPauses, type Reference } from './messages.js'
import type { ModelParts } from './parts.js'
import { queue } from './queue.js'
import { registry } from './registry.js'
import type { Held, Values } from './value.js'
import { lineTo } from './worker-line.js'

/** What a run is fed: data, which is copied, and what the worker has already. */
type Feeding = {
  readonly plain: ReadonlyArray<readonly [string, Tensor]>
  readonly references: ReadonlyArray<readonly [string, Reference]>
}

/** A thread that runs worker-main. Node reads no TypeScript: where this is a source file, tsx translates for the thread too. */
const start = (device: Device): Worker => {
  const options = { name: 'deriva engine', workerData: device, execArgv: [] }
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./worker-main.js', import.meta.url), options)
  const main = JSON.stringify(new URL('./worker-main.ts', import.meta.url).href)
  return new Worker(`import('tsx/esm/api').then(({ register }) => { register(); return import(${main}) })`, {
    ...options,
    eval: true,
  })
}

/**
 * An engine in a worker thread of its own: the event loop goes on while it computes. What sessions keep stays in the worker's memory
 * (or its GPU's); what is fed is copied once and handed over, since it remains the caller's, with pauses where it is much, and what
 * comes back is handed over without a copy. A worker that crashes or is ended answers every question with a Left; nothing waits for
 * ever.
 *
 * @example
 * declare const model: Uint8Array
 * const session = workerEngine('cpu').open(model, { name: 'denoiser' })
 */
export const workerEngine = (device: Device): Engine<Uint8Array | ModelParts> => {
  const line = lineTo(start(device))
  // What takes several turns to be made is still asked in the order of the calls.
  const inTurn = queue()
  const asked = async <K extends CallName>(
    call: K,
    made: () => Promise<readonly [Calls[K]['take'], ReadonlyArray<Transferable>]>,
  ): Promise<Answer<K>> => {
    // In an object, since the next question need not wait for the answer to this one.
    const { answer } = await inTurn(async () => {
      const [take, owned] = await made()
      return { answer: line.ask(call, take, owned) }
    })
    return answer
  }
  const ask = <K extends CallName>(call: K, take: Calls[K]['take']): Promise<Answer<K>> =>
    asked(call, () => Promise.resolve([take, []]))
  const residents = registry((ids) => {
    void ask('release', { ids })
  })

  const openKeeping: Engine<Uint8Array | ModelParts>['openKeeping'] =
    (model, keeps, options = {}) =>
    async () => {
      const opened = await ask('open', { model, keeps, options })
      if (E.isLeft(opened)) return opened
      const { session, inputs, outputs } = opened.right
      const fed = (values: Values): Feeding => {
        const named = inputs.flatMap((name) =>
          Object.hasOwn(values, name) ? [[name, values[name]] as const] : [],
        )
        return {
          plain: named.flatMap(([name, value]) => (value.type === 'resident' ? [] : [[name, value]])),
          references: named.flatMap(([name, value]) =>
            value.type === 'resident'
              ? [[name, { type: 'reference', id: residents.idOf(value) } as const]]
              : [],
          ),
        }
      }
      return E.right<EngineError, KeepingSession>({
        inputs,
        outputs,
        run: (values) => async () => {
          const feeding = E.tryCatch(() => fed(values), engineError(`running the ${options.name ?? 'model'}`))
          if (E.isLeft(feeding)) return feeding
          const { plain, references } = feeding.right
          const answer = await asked('run', async () => {
            const [copies, owned] = await copiedWithPauses(plain.map(([, tensor]) => tensor))
            const feeds: ReadonlyArray<readonly [string, Tensor | Reference]> = [
              ...references,
              ...plain.map(([name], i) => [name, copies[i]] as const),
            ]
            return [{ session, feeds: Object.fromEntries(feeds) }, owned]
          })
          return pipe(
            answer,
            E.map(({ kept, rest }) => ({
              rest,
              kept: Object.fromEntries(
                Object.entries(kept).map(([name, { id, element, dims }]): [string, Held] => [
                  name,
                  residents.add(id, element, dims),
                ]),
              ),
            })),
          )
        },
        release: () => ask('closeSession', { session }),
      })
    }

  return {
    device,
    openKeeping,
    open: keepingNothing(openKeeping),
    read: (values) => async () => {
      const named = Object.entries(values)
      const away = named.flatMap(([name, value]) =>
        value.type === 'resident' ? [[name, value] as const] : [],
      )
      const ids = E.tryCatch(
        () => away.map(([, resident]) => residents.idOf(resident)),
        engineError('reading what the engine holds'),
      )
      if (E.isLeft(ids)) return ids
      return pipe(
        await ask('read', { ids: ids.right }),
        E.map((tensors) => {
          const read = new Map(away.map(([name], i) => [name, tensors[i]]))
          return Object.fromEntries(
            named.flatMap(([name, value]) => {
              const tensor = value.type === 'resident' ? read.get(name) : value
              return tensor === undefined ? [] : [[name, tensor]]
            }),
          )
        }),
      )
    },
    release: (values) => () => {
      residents.release(values)
    },
    close: async () => {
      // Left where it has ended already, which is as good.
      await ask('close', undefined)
      await line.hangUp()
      return E.right(undefined)
    },
  }
}
