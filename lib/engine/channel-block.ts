import { InferenceSession } from 'onnxruntime-node'
import { conv, encode, input } from '../onnx/index.js'
import { float32, size, type Tensor } from '../types/index.js'
import { inBlocks } from './blocked.js'
import { toRuntime } from './runtime-tensor.js'

/** Blocks of 8 channels are AVX's, of 16 AVX-512's and NEON's. */
const candidates = [8, 16] as const

const [image, weight] = [
  [1, 32, 16, 16],
  [32, 32, 3, 2],
]

/** Small whole numbers, so that sums are exact in any order. */
const counted = (dims: ReadonlyArray<number>): Tensor =>
  float32(
    dims,
    Array.from({ length: size(dims) }, (_, i) => ((i * i) % 7) - 3),
  )

/** Whether convolutions over blocks of so many channels give here what plain ones give. */
const works = async (block: number): Promise<boolean> => {
  const plain = conv(input('x', 'float32', image), input('w', 'float32', weight))
  const { values, blocked } = inBlocks([plain], block)
  const model = encode({ outputs: { plain, inBlocks: values[0] }, parameters: 'inputs', blocked })
  const session = await InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const run = await session.run({ x: toRuntime(counted(image)), w: toRuntime(counted(weight)) })
  await session.release()
  return run.plain.data.toString() === run.inBlocks.data.toString()
}

/** Builds for processors without such kernels refuse the operators. */
const found = async (): Promise<number | undefined> => {
  for (const block of candidates) if (await works(block).catch(() => false)) return block
  return undefined
}

let known: Promise<number | undefined> | undefined

/**
 * How many channels the convolutions of ONNX Runtime's CPU take together on this machine, tried once a thread; undefined where it has none
 * that do.
 *
 * @example
 * const block: Promise<number | undefined> = channelBlock()
 */
export const channelBlock = (): Promise<number | undefined> => (known ??= found())
