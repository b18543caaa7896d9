import * as E from 'fp-ts/lib/Either.js'
import { MessageChannel, type Transferable, type Worker } from 'node:worker_threads'
import { type EngineError, engineError } from './engine.js'
import { reasonOf } from '../types/index.js'
import type { Answer, CallName, Calls } from './messages.js'

/** The way to ask a worker things. */
export type Line = {
  /** Asks the worker something; settles with its answer, or with the news that it has ended. */
  readonly ask: <K extends CallName>(
    call: K,
    take: Calls[K]['take'],
    owned?: ReadonlyArray<Transferable>,
  ) => Promise<Answer<K>>
  readonly hangUp: () => Promise<unknown>
}

/**
 * A line to a worker that answers questions at the port that comes with each. It does not keep the process alive; a question that
 * waits for its answer does.
 *
 * @example
 * declare const worker: Worker
 * const answer = lineTo(worker).ask('release', { ids: [1] })
 */
export const lineTo = (worker: Worker): Line => {
  const waiting = new Set<(ended: E.Either<EngineError, never>) => void>()
  let ended: E.Either<EngineError, never> | undefined
  let reason: string | undefined
  worker.on('error', (cause) => {
    reason = reasonOf(cause)
  })
  worker.on('exit', (code) => {
    ended = E.left(
      engineError('the thread that computes has ended')(
        reason ?? (code === 0 ? 'it was closed' : `exit code ${code}`),
      ),
    )
    for (const tell of [...waiting]) tell(ended)
  })
  worker.unref()
  return {
    ask: (call, take, owned = []) =>
      new Promise((resolve) => {
        if (ended !== undefined) {
          resolve(ended)
          return
        }
        const { port1, port2 } = new MessageChannel()
        const settle = (answer: Answer<typeof call>): void => {
          waiting.delete(settle)
          port1.close()
          resolve(answer)
        }
        waiting.add(settle)
        port1.once('message', settle)
        worker.postMessage({ call, take, port: port2 }, [port2, ...owned])
      }),
    hangUp: () => worker.terminate(),
  }
}
