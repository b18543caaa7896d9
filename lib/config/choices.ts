/** Names that some options choose among and the defaults of others depend on. */

/** The training methods beside scheduled sampling. */
export const trainingMethods = ['standard', 'hastened', 'dream', 'mixflow', 'defar'] as const

export type TrainingMethod = (typeof trainingMethods)[number]

/** Where samples that were rolled out are trained: where they arrived, or after a way back towards their noise. */
export const renoisings = ['none', 'in_place', 'beside'] as const

export type Renoising = (typeof renoisings)[number]
