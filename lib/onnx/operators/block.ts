import { choice, requiredInt } from '../attribute.js'
import { define, type Call } from '../definition.js'
import { divide, times, unknown, type Dim } from '../dim.js'

/** Blocks of pixels into channels and back: x is [batch, channels, height, width]. */

const parts = (call: Call, length: Dim, by: number, what: string): Dim =>
  divide(length, by) ??
  (typeof length === 'number' ? call.fail(`${length} ${what} do not divide by ${by}`) : unknown)

export const blockOperators = {
  DepthToSpace: define({
    inputs: [1, 1],
    attributes: { blocksize: requiredInt, mode: choice(['DCR', 'CRD']) },
    infer: (call) => {
      const { type, shape } = call.rank(0, 4)
      const [batch = 1, channels = 1, height = 1, width = 1] = shape
      const { blocksize: size } = call.attributes
      const depth = parts(call, channels, size * size, 'channels')
      return [{ type, shape: [batch, depth, times(height, size), times(width, size)] }]
    },
  }),
  SpaceToDepth: define({
    inputs: [1, 1],
    attributes: { blocksize: requiredInt },
    infer: (call) => {
      const { type, shape } = call.rank(0, 4)
      const [batch = 1, channels = 1, height = 1, width = 1] = shape
      const { blocksize: size } = call.attributes
      return [
        {
          type,
          shape: [
            batch,
            times(channels, size * size),
            parts(call, height, size, 'rows'),
            parts(call, width, size, 'columns'),
          ],
        },
      ]
    },
  }),
}
