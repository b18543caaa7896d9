import * as E from 'fp-ts/lib/Either.js'
import type * as t from 'io-ts'
import { type ConfigError, configError } from '../config/decode.js'
import { kinds, type OptionKind } from '../config/kind.js'
import { solverNames } from '../solver/registry.js'

/** An option of a command: how it is checked, its default for the help text, and what it means. */
export type CommandOption<A> = {
  readonly kind: Pick<OptionKind<A>, 'type' | 'allowed' | 'parse'> & {
    readonly codec: t.Decoder<unknown, A>
  }
  readonly standard: string
  readonly meaning: string
}

const row = <A>(kind: OptionKind<A>, standard: string, meaning: string): CommandOption<A> => ({
  kind,
  standard,
  meaning,
})

/** The options of `deriva sample`, from which flags and help are derived. */
export const sampleOptions = {
  num: row(kinds.integer({ min: 1, max: 1024 }), '64', 'How many samples.'),
  steps: row(
    kinds.integer({ min: 1, max: 1000 }),
    "the run's validation_num_inference_steps",
    'Solver steps from noise to data.',
  ),
  solver: row(kinds.choice(solverNames), "the run's validation_sampler", 'The solver.'),
  order: row(kinds.integer({ min: 1, max: 9 }), '2', 'The order of solvers that have a choice.'),
  guidance: row(
    kinds.number({ min: 0 }),
    "the run's validation_guidance",
    'Classifier-free guidance; 1 is none.',
  ),
  label: row(kinds.integer({ min: 0 }), 'the classes go round', 'One class for all samples.'),
  seed: row(
    kinds.integer({ min: 0 }),
    "the run's validation_seed",
    'The seed of the noise: sample i is the same whatever num is.',
  ),
  columns: row(kinds.integer({ min: 1 }), 'one for each class, or a square', 'Samples in a row.'),
  out: row(kinds.text('the path of a PNG file'), 'samples.png', 'Where the picture goes.'),
} as const

export type SampleOptions = {
  readonly [K in keyof typeof sampleOptions]?: (typeof sampleOptions)[K] extends CommandOption<infer A>
    ? A
    : never
}

const table: Readonly<Record<string, CommandOption<unknown>>> = sampleOptions

const areOptions = (u: Readonly<Record<string, unknown>>): u is SampleOptions =>
  Object.entries(u).every(
    ([key, value]) => Object.hasOwn(table, key) && E.isRight(table[key].kind.codec.decode(value)),
  )

/**
 * The options of `deriva sample` from the texts of its flags.
 *
 * @returns Left `ConfigError` with one problem for every value that is not allowed
 * @example
 * const options = decodeSampleOptions({ num: '64', solver: 'unipc' })
 */
export const decodeSampleOptions = (
  raw: Readonly<Record<string, string>>,
): E.Either<ConfigError, SampleOptions> => {
  const read = Object.fromEntries(
    Object.entries(raw).map(([key, text]) => [key, table[key].kind.parse(text)]),
  )
  if (areOptions(read)) return E.right(read)
  return E.left(
    configError(
      Object.entries(read)
        .filter(([key, value]) => E.isLeft(table[key].kind.codec.decode(value)))
        .map(([key, value]) => ({ key: `--${key}`, value, allowed: table[key].kind.allowed })),
    ),
  )
}
