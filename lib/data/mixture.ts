import { normal } from '../random/index.js'
import { labelled, type LabelledDataset } from './dataset.js'

/**
 * Points of a mixture of Gaussians in the plane, their centres evenly on a circle of radius 0.7: shape [2], a class for each
 * centre. The smallest dataset on which a denoiser has something to learn.
 *
 * @param classes the number of centres
 * @param deviation the standard deviation of each Gaussian; values are clipped to [−1, 1]
 * @example
 * const data = mixture({ classes: 3 })
 */
export const mixture = ({
  size = 4096,
  classes = 5,
  deviation = 0.05,
  seed = 0,
}: {
  readonly size?: number
  readonly classes?: number
  readonly deviation?: number
  readonly seed?: number
} = {}): LabelledDataset =>
  labelled({
    name: 'mixture',
    size,
    shape: [2],
    classes,
    label: (index) => index % classes,
    read: (index, out, offset) => {
      const angle = (2 * Math.PI * (index % classes)) / classes
      const jitter = normal({ seed, purpose: 'data', step: 0, sample: index }, new Float32Array(2))
      const centre = [0.7 * Math.cos(angle), 0.7 * Math.sin(angle)]
      centre.forEach((c, i) => {
        out[offset + i] = Math.min(1, Math.max(-1, c + deviation * jitter[i]))
      })
    },
  })
