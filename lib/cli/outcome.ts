import type { ConfigProblem, DerivaError } from '../types/index.js'

/** 0 done, 1 failed, 2 input refused and nothing written, 130 interrupted after saving. */
export type ExitCode = 0 | 1 | 2 | 130

/**
 * The exit code of a failure.
 *
 * @example
 * const code = exitCodeOf({ _tag: 'EngineError', message: 'out of memory' }) // 1
 */
export const exitCodeOf = (error: DerivaError): ExitCode => (error._tag === 'ConfigError' ? 2 : 1)

const where: { readonly [T in DerivaError['_tag']]: string } = {
  ConfigError: 'Refused',
  GraphError: 'The model cannot be understood',
  GradientError: 'The model cannot be differentiated',
  EngineError: 'ONNX Runtime failed',
  DataError: 'The dataset cannot be read',
  CheckpointError: 'Something is wrong with the run folder',
  TrainingError: 'Training cannot go on',
}

/**
 * Whether something thrown or emitted is one of deriva's failures; anything else is a bug.
 *
 * @example
 * const expected = isDerivaError(new Error('a bug')) // false
 */
export const isDerivaError = (u: unknown): u is DerivaError =>
  typeof u === 'object' &&
  u !== null &&
  '_tag' in u &&
  typeof u._tag === 'string' &&
  Object.hasOwn(where, u._tag)

const show = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const problemText = ({ key, value, allowed }: ConfigProblem): string =>
  [
    `  ${key}${value === undefined || value === true ? '' : ` = ${show(value)}`}`,
    `    ${allowed.startsWith('there is') ? '' : 'allowed: '}${allowed}`,
  ].join('\n')

/** What helps where memory was not enough; ONNX Runtime's own words for that are many, and long. */
const memoryAdvice = [
  'There was not enough memory. What needs less, and trains the same: a smaller train_batch_size with gradient_accumulation_steps as',
  'many times higher; gradient_checkpointing true. Less of something: use_ema false, mixed_precision bf16 on a GPU, a smaller model or',
  'a LoRA. deriva plan tells what is needed.',
]

const ranOut =
  /failed to allocate|bad_?alloc|out of memory|not enough memory|CUDA_ERROR_OUT_OF_MEMORY|E_OUTOFMEMORY/i

/** What more there is to say of a failure. */
const advice = ({ _tag: tag, message }: DerivaError): ReadonlyArray<string> =>
  tag === 'EngineError' && ranOut.test(message) ? ['', ...memoryAdvice] : []

/**
 * A failure as a tired person wants to read it: what, where, and what would be right. No stack traces.
 *
 * @example
 * const text = errorText({ _tag: 'DataError', message: 'images-idx3-ubyte: cut off' })
 */
export const errorText = (error: DerivaError): string =>
  error._tag === 'ConfigError'
    ? [`${where.ConfigError}; nothing was written.`, '', ...error.problems.map(problemText)].join('\n')
    : [`${where[error._tag]}: ${error.message}`, ...advice(error)].join('\n')
