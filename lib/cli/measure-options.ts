import * as E from 'fp-ts/lib/Either.js'
import { identity } from 'fp-ts/lib/function.js'
import * as t from 'io-ts'
import { kinds, type OptionKind } from '../config/kind.js'
import { solverNames } from '../solver/registry.js'
import { commandOption, type Given } from './command-options.js'
import { deviceOption } from './device-option.js'

/** Several values of a kind, with commas between them. */
const list = <A>(kind: OptionKind<A>, noun: string): OptionKind<ReadonlyArray<A>> => {
  const allowed = `${noun}, separated by commas; each ${kind.allowed}`
  const is = (u: unknown): u is ReadonlyArray<A> =>
    Array.isArray(u) && u.length > 0 && u.every((one) => E.isRight(kind.codec.decode(one)))
  return {
    codec: new t.Type(allowed, is, (u, context) => (is(u) ? t.success(u) : t.failure(u, context)), identity),
    type: 'list',
    allowed,
    parse: (text) => text.split(',').map((word) => kind.parse(word.trim())),
  }
}

/** The word `noise`, or a number. */
const start: OptionKind<'noise' | number> = (() => {
  const number = kinds.number({ above: 0 })
  const is = (u: unknown): u is 'noise' | number => u === 'noise' || number.codec.is(u)
  return {
    codec: new t.Type('start', is, (u, context) => (is(u) ? t.success(u) : t.failure(u, context)), identity),
    type: 'text',
    allowed: 'the word noise, or a timestep > 0',
    parse: (text) => (text === 'noise' ? text : number.parse(text)),
  }
})()

/** The options of `deriva measure`, from which flags and help are derived. */
export const measureOptions = {
  solver: commandOption(
    list(kinds.choice(solverNames), 'names of solvers'),
    "the run's validation_sampler",
    'The solvers.',
  ),
  order: commandOption(kinds.integer({ min: 1, max: 9 }), '2', 'The order of solvers that have a choice.'),
  steps: commandOption(
    list(kinds.integer({ min: 1, max: 1000 }), 'numbers of steps'),
    '10,20,50',
    'Solver steps that the whole way from noise to data takes.',
  ),
  from: commandOption(
    list(start, 'starts'),
    'noise,750,500,250',
    'Where trajectories start: from pure noise, or from data noised to a timestep.',
  ),
  num: commandOption(kinds.integer({ min: 1, max: 100_000 }), '256', 'How many held-out samples.'),
  cut: commandOption(
    kinds.number({ above: 0, below: 1.42 }),
    '0.25',
    'Where high spatial frequencies begin, as a share of the finest that an axis can hold.',
  ),
  seed: commandOption(
    kinds.integer({ min: 0 }),
    "the run's validation_seed",
    'The seed of the samples and their noise.',
  ),
  device: deviceOption,
  out: commandOption(
    kinds.text('the path of a JSON file'),
    "the run's measure.json, which its report shows",
    'Where the measurement goes instead; the run folder then stays as it is.',
  ),
} as const

export type MeasureOptions = Given<typeof measureOptions>
