import * as t from 'io-ts'
import { imageSets } from './images.js'

/** How far images are from held-out ones, and whether they are blurred. */
const Distance = t.type({
  /** Fréchet distance on the classifier's features. */
  frechet: t.number,
  /** Sliced Wasserstein distance of pixels. */
  sliced: t.number,
  /** The variance over images, mean over pixels, as a multiple of that of held-out images. */
  variance: t.number,
  /** The power at high spatial frequencies, as a multiple of that of held-out images. */
  highPower: t.number,
  /** The share that the classifier takes for what they were asked to be. */
  accuracy: t.number,
})
export type Distance = t.TypeOf<typeof Distance>

const Assessment = t.type({
  /** By solver steps. */
  distances: t.record(t.string, Distance),
  /** ‖x̂_t − x_t‖ / ‖x_t‖ of 20 Euler steps from pure noise, mean over samples, by sigma. */
  drift: t.array(t.type({ sigma: t.number, drift: t.number })),
  /** The same of 10 Euler steps from noised data at sigma 0.5, at their end. */
  returnError: t.number,
})
export type Assessment = t.TypeOf<typeof Assessment>

/** What a run leaves behind: a file that is not made twice. */
export const Result = t.type({
  dataset: t.keyof(imageSets),
  method: t.string,
  seed: t.number,
  /** Steps that cost what a whole training by teacher forcing does. */
  equalTime: t.number,
  /** Steps of a whole training. */
  equalSteps: t.number,
  /** Images that were generated at every number of solver steps. */
  samples: t.number,
  /** Processor seconds of the training, all steps; of a machine that may have been busy. */
  seconds: t.number,
  /** By steps: after those of equal time and after all. */
  assessments: t.record(t.string, Assessment),
})
export type Result = t.TypeOf<typeof Result>

/** What is known before any model: how many held-out images the classifier recognises, and how near real images are to them. */
export const Floor = t.type({ accuracy: t.number, real: Distance })
export type Floor = t.TypeOf<typeof Floor>

/** Processor seconds a step, by method, at evenly spaced moments of a training. */
export const Timing = t.record(t.string, t.array(t.number))
export type Timing = t.TypeOf<typeof Timing>
