import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** One training step of a model in PyTorch. */
export type PeerStep = { readonly seconds: number; readonly parameters: number }

export type Peer = {
  readonly run: (model: string, how: 'eager' | 'compiled') => Promise<PeerStep>
  readonly close: () => void
}

/** PyTorch in a process of its own, which takes a step whenever it is told to. */
export const openPeer = (python: string, threads: number): Peer => {
  const child = spawn(python, [fileURLToPath(new URL('train_step.py', import.meta.url)), String(threads)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  return {
    run: async (model, how) => {
      child.stdin.write(`${model} ${how}\n`)
      const [line]: ReadonlyArray<unknown> = await once(lines, 'line')
      return JSON.parse(String(line)) as PeerStep
    },
    close: () => child.stdin.end(),
  }
}
