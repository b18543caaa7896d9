import type { Lesson } from 'deriva/train'
import { normal } from 'deriva/random'
import { float32, int64 } from 'deriva/types'

const drawn = (sample: number, length: number): Float32Array => {
  const out = new Float32Array(length)
  normal({ seed: 3, purpose: 'noise', step: 0, sample }, out, 0, length)
  return out
}

/** A random batch that every input of a training graph can be read from; half of its samples are rolled out. */
export const lessonOf = (batchSize: number, elements: number, classes: number): Lesson => {
  const row = (f: (i: number) => number): Float32Array =>
    Float32Array.from({ length: batchSize }, (_, i) => f(i))
  return {
    latents: drawn(0, batchSize * elements),
    target: drawn(1, batchSize * elements),
    x0: drawn(2, batchSize * elements),
    clean: drawn(3, batchSize * elements),
    timesteps: row((i) => ((i + 0.5) * 1000) / batchSize),
    rolled: row((i) => i % 2),
    conditioning: {
      label: int64(
        [batchSize],
        Array.from({ length: batchSize }, (_, i) => i % (classes + 1)),
      ),
    },
    given: {
      alpha: float32(
        [batchSize],
        row((i) => 1 - i / batchSize),
      ),
      sigma: float32(
        [batchSize],
        row((i) => i / batchSize),
      ),
    },
  }
}
