/** How far along a ramp is, 0 … 1, given the share of its steps that are over, 0 … 1. */
export const rampShapes = {
  linear: (progress) => progress,
  cosine: (progress) => (1 - Math.cos(Math.PI * progress)) / 2,
} as const satisfies Record<string, (progress: number) => number>

export type RampShape = keyof typeof rampShapes

/** All shapes, in the order of the table. */
// Object.keys knows only strings; the keys of the table are exactly its names.
export const rampShapeNames = Object.keys(rampShapes) as ReadonlyArray<RampShape>

export type RampOptions = {
  /** The probability up to `startStep`. Default 0. */
  readonly from?: number
  /** The probability from `startStep + steps` on; it may be lower than `from`. */
  readonly to: number
  /** 0 jumps at `startStep`. */
  readonly steps: number
  /** Default 0. */
  readonly startStep?: number
  /** Default `linear`. */
  readonly shape?: RampShape
}

/**
 * A probability that goes from one value to another over some training steps.
 *
 * @example
 * const probability = ramp({ to: 0.5, steps: 1000, startStep: 200, shape: 'cosine' })
 */
export const ramp = ({
  from = 0,
  to,
  steps,
  startStep = 0,
  shape = 'linear',
}: RampOptions): ((step: number) => number) => {
  return (step) => {
    if (step < startStep) return from
    const progress = steps === 0 ? 1 : Math.min(1, (step - startStep) / steps)
    return from + (to - from) * rampShapes[shape](progress)
  }
}
