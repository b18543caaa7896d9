import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Transferable, Worker } from 'node:worker_threads'
import type { Tensor } from '../types/index.js'
import type { Device } from './device.js'
import { type Engine, type EngineError, engineError, type KeepingSession } from './engine.js'
import { copied, type Reference } from './messages.js'
import type { ModelParts } from './parts.js'
import { registry } from './registry.js'
import type { Held, Values } from './value.js'
import { lineTo } from './worker-line.js'

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
 * (or its GPU's); what is fed is copied once and handed over, since it remains the caller's, and what comes back is handed over
 * without a copy. A worker that crashes or is ended answers every question with a Left; nothing waits for ever.
 *
 * @example
 * declare const model: Uint8Array
 * const session = workerEngine('cpu').open(model, { name: 'denoiser' })
 */
export const workerEngine = (device: Device): Engine<Uint8Array | ModelParts> => {
  const { ask, hangUp } = lineTo(start(device))
  const residents = registry((ids) => {
    void ask('release', { ids })
  })
  const fed = (
    values: Values,
  ): readonly [Readonly<Record<string, Tensor | Reference>>, ReadonlyArray<Transferable>] => {
    const named = Object.entries(values)
    const plain = named.flatMap(([name, value]) =>
      value.type === 'resident' ? [] : [[name, value] as const],
    )
    const [copies, owned] = copied(plain.map(([, tensor]) => tensor))
    const references = named.flatMap(([name, value]) =>
      value.type === 'resident' ? [[name, { type: 'reference', id: residents.idOf(value) }] as const] : [],
    )
    return [
      Object.fromEntries([...references, ...plain.map(([name], i) => [name, copies[i]] as const)]),
      owned,
    ]
  }

  const openKeeping: Engine<Uint8Array | ModelParts>['openKeeping'] =
    (model, keeps, options = {}) =>
    async () => {
      const opened = await ask('open', { model, keeps, options })
      if (E.isLeft(opened)) return opened
      const { session, inputs, outputs } = opened.right
      const known = (values: Values): Values =>
        Object.fromEntries(inputs.flatMap((n) => (Object.hasOwn(values, n) ? [[n, values[n]]] : [])))
      return E.right<EngineError, KeepingSession>({
        inputs,
        outputs,
        run: (values) =>
          pipe(
            TE.fromEither(
              E.tryCatch(() => fed(known(values)), engineError(`running the ${options.name ?? 'model'}`)),
            ),
            TE.chain(
              ([feeds, owned]) =>
                () =>
                  ask('run', { session, feeds }, owned),
            ),
            TE.map(({ kept, rest }) => ({
              rest,
              kept: Object.fromEntries(
                Object.entries(kept).map(([name, { id, element, dims }]): [string, Held] => [
                  name,
                  residents.add(id, element, dims),
                ]),
              ),
            })),
          ),
        release: () => ask('closeSession', { session }),
      })
    }

  return {
    device,
    openKeeping,
    open: (model, options) =>
      pipe(
        openKeeping(model, [], options),
        TE.map((session) => ({
          ...session,
          run: (inputs) =>
            pipe(
              session.run(inputs),
              TE.map(({ rest }) => rest),
            ),
        })),
      ),
    read: (values) => {
      const named = Object.entries(values)
      const away = named.flatMap(([name, value]) =>
        value.type === 'resident' ? [[name, value] as const] : [],
      )
      return pipe(
        TE.fromEither(
          E.tryCatch(
            () => away.map(([, resident]) => residents.idOf(resident)),
            engineError('reading what the engine holds'),
          ),
        ),
        TE.chain((ids) => () => ask('read', { ids })),
        TE.map((tensors) =>
          Object.fromEntries(
            named.flatMap(([name, value]) => {
              if (value.type !== 'resident') return [[name, value] as const]
              return [[name, tensors[away.findIndex(([n]) => n === name)]] as const]
            }),
          ),
        ),
      )
    },
    release: (values) => () => {
      residents.release(values)
    },
    close: async () => {
      // Left where it has ended already, which is as good.
      await ask('close', undefined)
      await hangUp()
      return E.right(undefined)
    },
  }
}
