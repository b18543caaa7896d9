import type { Given, Resolved } from '../attribute.js'
import type { Definition } from '../definition.js'
import { assembleOperators } from './assemble.js'
import { blockOperators } from './block.js'
import { convolutionOperators } from './convolution.js'
import { generateOperators } from './generate.js'
import { indexingOperators } from './indexing.js'
import { matmulOperators } from './matmul.js'
import { normalisationOperators } from './normalisation.js'
import { padOperators } from './pad.js'
import { poolingOperators } from './pooling.js'
import { reduceOperators } from './reduce.js'
import { reshapeOperators } from './reshape.js'
import { resizeOperators } from './resize.js'
import { sliceOperators } from './slice.js'
import { unaryOperators } from './unary.js'
import { variadicOperators } from './variadic.js'

/**
 * Every operator deriva understands, in its form of opset 21 of the default domain. Attribute types, encoding, inference and
 * folding all come from these rows; other tables are records over `OperatorName`, so an operator they forget does not compile.
 */
export const operators = {
  ...unaryOperators,
  ...variadicOperators,
  ...reduceOperators,
  ...matmulOperators,
  ...convolutionOperators,
  ...poolingOperators,
  ...normalisationOperators,
  ...reshapeOperators,
  ...blockOperators,
  ...assembleOperators,
  ...sliceOperators,
  ...padOperators,
  ...resizeOperators,
  ...generateOperators,
  ...indexingOperators,
} as const

export type OperatorName = keyof typeof operators

type Rows = { readonly [O in OperatorName]: (typeof operators)[O]['attributes'] }

/** The attributes of a node: all present, in canonical form. */
export type AttributesOf<O extends OperatorName> = Resolved<Rows[O]>

/** The attributes a caller gives: those without a default, and any others. */
export type GivenAttributes<O extends OperatorName> = Given<Rows[O]>

/** The same table for readers that do not know which row they get. */
export const definitions: Readonly<Record<OperatorName, Definition>> = operators

/**
 * Whether deriva knows an operator of this name.
 *
 * @example
 * const known = isOperatorName('Conv') // true
 */
export const isOperatorName = (name: string): name is OperatorName => Object.hasOwn(operators, name)
