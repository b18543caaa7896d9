import { depthToSpace, sameShape, spaceToDepth, transpose, type Value } from '../../onnx/index.js'
import { dims } from '../known.js'
import { permuted } from '../permuted.js'
import { reshaped } from '../reshaped.js'
import { unaryRule, type Rules } from '../rule.js'

/** Every element keeps its place in memory. */
const back = (dy: Value, x: Value): Value => (sameShape(dy.shape, x.shape) ? dy : reshaped(dy, dims(x)))

const inverse = (perm: ReadonlyArray<number>): ReadonlyArray<number> =>
  perm.map((_, axis) => perm.indexOf(axis))

/** Operators that keep every element and change the axes: the gradient takes the same way back. */
export const reshaping = {
  Flatten: unaryRule(back),
  Reshape: unaryRule(back),
  Squeeze: unaryRule(back),
  Unsqueeze: unaryRule(back),
  Transpose: unaryRule((dy, _, __, { perm }) => permuted(dy, inverse(perm))),

  /** Its inverse is SpaceToDepth; in CRD order that is spelled out, because ONNX only has it in DCR order. */
  DepthToSpace: unaryRule((dy, x, _, { blocksize: b, mode }) => {
    if (mode === 'DCR') return spaceToDepth(dy, b)
    const [batch = 1, channels = 1, height = 1, width = 1] = dims(x)
    const blocks = reshaped(dy, [batch, channels / (b * b), height, b, width, b])
    return reshaped(transpose(blocks, [0, 1, 3, 5, 2, 4]), dims(x))
  }),
  SpaceToDepth: unaryRule((dy, _, __, { blocksize }) => depthToSpace(dy, blocksize)),
} satisfies Partial<Rules>
