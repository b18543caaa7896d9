import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A step that PyTorch is to take: a model of lib/model by its options, and how it is trained. */
export type TorchContestant = {
  readonly model: Readonly<Record<string, unknown>> & { readonly type: 'dit' | 'unet' }
  readonly batch: number
  readonly way: 'plain' | 'one_by_one' | 'batched'
  /** Whether `torch.compile` compiles the model; the first step then takes minutes. */
  readonly compiled?: boolean
  /** Whether a moving average of the weights is kept. */
  readonly average: boolean
  /** Where it is computed. Default `cpu`. */
  readonly device?: 'cpu' | 'cuda'
  /** `float32` takes TF32 where the card has it; `bfloat16` is autocast. Default `float32`. */
  readonly precision?: 'float32' | 'bfloat16'
}

/** Where each sample's rollout starts and ends, [batch], integer timesteps. */
export type TorchSpans = { readonly source: ReadonlyArray<number>; readonly target: ReadonlyArray<number> }

/** What a step took on the clock and of the processors, and the largest resident size of PyTorch's process so far. */
export type TorchStep = { readonly seconds: number; readonly processor: number; readonly mebibytes: number }

export type Torch = {
  readonly version: string
  readonly step: (name: string, spans?: TorchSpans) => Promise<TorchStep>
  /** The seconds that one step of a contestant takes. */
  readonly run: (name: string, spans?: TorchSpans) => Promise<number>
  readonly end: () => void
}

const field = (line: string, name: string): unknown => {
  const answer: unknown = JSON.parse(line)
  return typeof answer === 'object' && answer !== null && name in answer
    ? (answer as Readonly<Record<string, unknown>>)[name]
    : undefined
}

/**
 * Starts PyTorch beside this process; it waits while it is not asked, so that both sides can take turns.
 *
 * @param python the interpreter of an environment with `requirements.txt`
 */
export const torch = async (
  python: string,
  threads: number,
  contestants: Readonly<Record<string, TorchContestant>>,
): Promise<Torch> => {
  const child = spawn(python, [fileURLToPath(new URL('serve.py', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async (question: object): Promise<string> => {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const answer: IteratorResult<string, unknown> = await lines.next()
    if (answer.done === true) throw new Error(`${python} ended; its message is above`)
    return answer.value
  }
  const version = String(field(await ask({ threads, contestants }), 'torch'))
  const step = async (run: string, spans?: TorchSpans): Promise<TorchStep> => {
    const answer = await ask({ run, spans })
    const number = (name: string): number => Number(field(answer, name))
    return { seconds: number('seconds'), processor: number('processor'), mebibytes: number('mebibytes') }
  }
  return {
    version,
    step,
    run: async (name, spans) => (await step(name, spans)).seconds,
    end: () => child.stdin.end(),
  }
}
