import * as O from '../../../lib/onnx/index.js'
import { float32, int64 } from '../../../lib/types/index.js'
import { batch, type Draw } from './draw.js'

const types = ['float32', 'int64', 'bool'] as const

const any = (d: Draw, shape: ReadonlyArray<number>): O.Value => {
  const type = d.pick(types)
  return d.tensor(shape, type === 'bool' ? 0 : -3, type === 'bool' ? 1 : 3, type)
}

const bounds = (d: Draw, length: number): { start: number; end: number; step: number } => ({
  start: d.integer(-length, length),
  end: d.pick([d.integer(-length, length), 2 ** 40]),
  step: d.pick([1, 1, 2, -1, -2]),
})

const indexed = (d: Draw, shape: ReadonlyArray<number>, n: number, tuples: number): O.Value => {
  const rows = Array.from({ length: tuples }, () => shape.slice(0, n).map((dim) => d.integer(0, dim - 1)))
  return O.constant(int64([tuples, n], rows.flat()))
}

/** Random calls of the operators that arrange, generate and index. */
export const arrangeSamples = {
  Reshape: (d: Draw) => {
    const x = any(d, [batch, 2, 6])
    return [O.reshape(x, d.pick([[-1], [0, -1], [0, 3, 4], [-1, 6, 2], [0, 0, 2, -1], [-1, 1, 4]]))]
  },
  Flatten: (d: Draw) => {
    const shape = d.shape(1)
    return [O.flatten(d.tensor(shape), d.integer(-shape.length, shape.length))]
  },
  Squeeze: (d: Draw) => {
    const shape = [batch, 1, d.integer(2, 3), 1]
    return [O.squeeze(any(d, shape), d.pick([[1], [-1], [3, 1]]))]
  },
  Unsqueeze: (d: Draw) => {
    const shape = d.shape(0, 3)
    const rank = shape.length + d.integer(1, 2)
    return [
      O.unsqueeze(
        any(d, shape),
        d.shuffled(Array.from({ length: rank }, (_, i) => i)).slice(0, rank - shape.length),
      ),
    ]
  },
  Transpose: (d: Draw) => {
    const shape = d.shape()
    return [O.transpose(any(d, shape), d.boolean() ? [] : d.shuffled([...shape.keys()]))]
  },
  DepthToSpace: (d: Draw) => [O.depthToSpace(d.tensor([batch, 8, 2, 3]), 2, d.pick(['DCR', 'CRD']))],
  SpaceToDepth: (d: Draw) => [O.spaceToDepth(d.tensor([batch, 2, 4, 6]), 2)],

  Concat: (d: Draw) => {
    const shape = d.shape(1)
    const axis = d.axis(shape.length)
    const type = d.pick(['float32', 'int64'] as const)
    const parts = Array.from({ length: d.integer(1, 3) }, () => d.tensor(shape, -3, 3, type))
    return [O.concat(parts, axis)]
  },
  Split: (d: Draw) => {
    const shape = [batch, 6]
    const sizes = d.pick([[6], [1, 5], [2, 2, 2], [1, 2, 3]])
    const x = d.tensor(shape)
    return d.boolean() ? O.split(x, sizes, 1) : O.operator('Split', [x], { axis: -1 }, d.integer(1, 3))
  },
  Slice: (d: Draw) => {
    const shape = [d.integer(3, 5), d.integer(3, 5), batch]
    const axes = d.axes(3)
    const cuts = axes.map((axis) => bounds(d, shape[axis] ?? 1))
    return [
      O.slice(
        any(d, shape),
        cuts.map(({ start }) => start),
        cuts.map(({ end }) => end),
        axes,
        cuts.map(({ step }) => step),
      ),
    ]
  },
  Expand: (d: Draw) => {
    const shape = d.shape()
    const target = shape.map((dim) => (dim === 1 ? d.integer(1, 3) : dim === batch ? 1 : dim))
    return [O.expand(any(d, shape), d.boolean() ? target : [2, ...target])]
  },
  Tile: (d: Draw) => {
    const shape = d.shape(1, 3)
    return [
      O.tile(
        d.tensor(shape),
        shape.map(() => d.integer(1, 3)),
      ),
    ]
  },
  Pad: (d: Draw) => {
    const mode = d.pick(['constant', 'reflect', 'edge'] as const)
    const pads = Array.from({ length: 6 }, () => d.integer(mode === 'constant' ? -1 : 0, 1))
    return [O.pad(d.tensor([batch, 3, 4]), pads, mode, mode === 'constant' ? d.integer(0, 2) : undefined)]
  },
  Resize: (d: Draw) => {
    const x = d.tensor([batch, 2, 3, 4])
    const mode = d.pick(['nearest', 'linear', 'cubic'] as const)
    const coordinates = d.pick(['half_pixel', 'asymmetric', 'align_corners', 'pytorch_half_pixel'] as const)
    return [
      O.resize(x, [1, 1, d.pick([0.5, 1.5, 2]), 2], { mode, coordinate_transformation_mode: coordinates }),
    ]
  },
  Shape: (d: Draw) => {
    const x = d.tensor(d.shape())
    return [O.shapeOf(x), ...O.operator('Shape', [x], { start: d.integer(-2, 2), end: d.integer(-2, 4) })]
  },
  Size: (d: Draw) => [O.sizeOf(d.tensor(d.shape()))],
  ConstantOfShape: (d: Draw) => [
    O.constantOfShape(O.shapeOf(d.tensor(d.shape())), float32([1], [d.uniform()])),
  ],
  Range: (d: Draw) => {
    const type = d.pick(['float32', 'int64'] as const)
    return [O.range(d.tensor([], 0, 2, type), d.tensor([], 5, 9, type), d.tensor([], 1, 2, type))]
  },
  Trilu: (d: Draw) => [O.trilu(any(d, [batch, 3, 4]), { upper: d.boolean(), diagonal: d.integer(-2, 2) })],

  Gather: (d: Draw) => {
    const shape = [batch, 3, 4]
    const axis = d.pick([1, 2, -1])
    return [O.gather(any(d, shape), d.indices(d.shape(0, 2), shape.at(axis) ?? 1), axis)]
  },
  GatherElements: (d: Draw) => [O.gatherElements(any(d, [3, 4]), d.indices([3, 2], 4), d.pick([1, -1]))],
  GatherND: (d: Draw) => {
    const shape = [3, 4, batch]
    return [O.gatherND(d.tensor(shape), indexed(d, shape, d.integer(1, 2), 3))]
  },
  ScatterElements: (d: Draw) => {
    const x = d.tensor([3, 4])
    const reduction = d.pick(['add', 'mul', 'max', 'min'] as const)
    return [O.scatterElements(x, d.indices([3, 2], 4), d.tensor([3, 2]), { axis: 1, reduction })]
  },
  ScatterND: (d: Draw) => {
    const shape = [3, 4, batch]
    const n = d.integer(1, 2)
    const updates = d.tensor([3, ...shape.slice(n)])
    return [O.scatterND(d.tensor(shape), indexed(d, shape, n, 3), updates, { reduction: 'add' })]
  },
  OneHot: (d: Draw) => [
    O.oneHot(d.indices([batch, 2], 5), O.scalar(5, 'int64'), d.tensor([2]), d.pick([-1, 0, 1])),
  ],
  NonZero: (d: Draw) => [O.nonZero(d.tensor(d.shape(1, 3), 0, 1, 'int64'))],
}
