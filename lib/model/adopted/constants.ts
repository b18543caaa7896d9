import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import {
  add,
  cast,
  constant,
  type Dim,
  fromNumbers,
  input,
  isStatic,
  mayMatch,
  type Shape,
  showShape,
  mul,
  reshape,
  toNumbers,
  type Value,
} from '../../onnx/index.js'
import { type ConfigProblem, float32, size, type Tensor } from '../../types/index.js'
import { batchAxis } from './rebatched.js'
import { nameOf } from './roles.js'

/**
 * What an input is, for all samples alike: these elements, a number in every place, or the places of tokens that are an image of so many
 * rows and columns, row by row: [tokens, axes] with the row in the second axis and the column in the third, as FLUX has its `img_ids`.
 */
export type Constant = Tensor | number | { readonly rows: number; readonly columns: number }

/** Rows of so many numbers, one for each token. */
const perToken = (tokens: number, axes: number, at: (token: number) => ReadonlyArray<number>): Tensor =>
  float32(
    [tokens, axes],
    Float32Array.from({ length: tokens * axes }, (_, i) => at(Math.floor(i / axes)).at(i % axes) ?? 0),
  )

/**
 * What an input without a batch axis is, where its name and shape tell: `img_ids` the places of the latents' tokens, if these are a square,
 * `txt_ids` zeros, or with a fourth axis the number of the token (FLUX and FLUX.2, `pipeline_flux.py` and `pipeline_flux2.py` of diffusers).
 *
 * @param shape of the input
 * @param sample the shape of one latent: [tokens, channels]
 * @example
 * const places = recognisedConstant('img_ids', [9, 3], [9, 64]) // of 3 rows and 3 columns
 */
export const recognisedConstant = (
  name: string,
  shape: Shape,
  sample: ReadonlyArray<number>,
): Constant | undefined => {
  const [tokens, axes] = shape
  if (shape.length !== 2 || typeof tokens !== 'number' || (axes !== 3 && axes !== 4)) return undefined
  if (name === 'txt_ids') return axes === 3 ? 0 : perToken(tokens, axes, (token) => [0, 0, 0, token])
  const side = Math.sqrt(tokens)
  return name === 'img_ids' && sample.length === 2 && sample[0] === tokens && Number.isInteger(side)
    ? { rows: side, columns: side }
    : undefined
}

/** The elements, for an input of this shape; Left: what would be right. */
const elementsFor = (given: Constant, shape: Shape): E.Either<string, Tensor> => {
  if (typeof given === 'number')
    return isStatic(shape)
      ? E.right(float32(shape, new Float32Array(size(shape)).fill(given)))
      : E.left(`all its elements: the model leaves the lengths ${showShape(shape)} open`)
  const tensor =
    'rows' in given
      ? perToken(given.rows * given.columns, typeof shape[1] === 'number' ? shape[1] : 3, (token) => [
          0,
          Math.floor(token / given.columns),
          token % given.columns,
        ])
      : given
  return mayMatch(shape, tensor.dims)
    ? E.right(tensor)
    : E.left(`elements of shape ${showShape(shape)}, not ${showShape(tensor.dims)}`)
}

const typed = (tensor: Tensor, { type }: Value): E.Either<string, Tensor> =>
  pipe(
    fromNumbers(type, tensor.dims, toNumbers(tensor)),
    E.fromNullable(`elements that are exact as ${type}`),
  )

/** The same for every sample of a batch, whatever their number: the time of each says how many there are. */
const repeated = (row: Tensor, { type }: Value): Value => {
  const none = mul(input('timestep', 'float32', [batchAxis]), 0)
  const rows = add(
    reshape(none, [-1, ...row.dims.map(() => 1)]),
    constant(float32([1, ...row.dims], Float32Array.from(toNumbers(row)))),
  )
  return type === 'float32' ? rows : cast(rows, type)
}

/**
 * An input of a model as a constant of its graph, so that nothing has to be fed and a batch of any length reads the same.
 *
 * @param given for an input with a batch axis: one sample's row of it
 * @param shared whether the input has no batch axis
 * @param shape of the input, symbols replaced as far as they are known
 * @returns Left what would be right
 * @example
 * const guidance = boundConstant(input('guidance', 'float32', ['batch']), 3.5, false, ['batch'])
 */
export const boundConstant = (
  value: Value,
  given: Constant,
  shared: boolean,
  shape: ReadonlyArray<Dim>,
): E.Either<ConfigProblem, Value> =>
  pipe(
    elementsFor(given, shared ? shape : shape.slice(1)),
    E.chain((tensor) =>
      shared
        ? pipe(
            typed(tensor, value),
            E.map((elements) => constant(elements, nameOf(value))),
          )
        : E.right(repeated(tensor, value)),
    ),
    E.mapLeft((allowed) => ({
      key: `constants.${nameOf(value)}`,
      value: typeof given === 'number' ? given : undefined,
      allowed,
    })),
  )
