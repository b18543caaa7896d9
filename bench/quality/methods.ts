import { pipe } from 'fp-ts/lib/function.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { mul, sub } from 'deriva/onnx'
import { flow } from 'deriva/path'
import { type Denoiser, ramp } from 'deriva/rollout'
import { euler, trailing, unipc } from 'deriva/solver'
import {
  type Arrival,
  composed,
  corrected,
  defarMethod,
  hastened,
  inputPerturbation,
  lossOf,
  mdss,
  method,
  type Method as TrainingMethod,
  mixFlow,
  reflexFlow,
  renoised,
  rollout,
  soar,
  teacherForcing,
  weighting,
} from 'deriva/stream'
import type { DerivaError } from 'deriva/types'
import { fromCleaner } from './from-cleaner.js'
import type { ImageSet } from './images.js'
import { prepared, type Prepared, type Setting } from './training.js'

/** A way to train the same model on the same data. */
export type Method = {
  /** What it is, in words. */
  readonly says: string
  readonly prepared: (setting: Setting) => TE.TaskEither<DerivaError, Prepared>
  /** The denoiser that is sampled from, where it is not the trained one. */
  readonly sampled?: (denoiser: Denoiser<'flow_matching'>) => Denoiser<'flow_matching'>
}

/** @param make a training method, given the steps of a whole training */
const entry = <N extends string>(
  says: string,
  make: (steps: number) => TrainingMethod<'flow_matching', N, false, Arrival<N>>,
): Method => ({
  says,
  prepared: (setting) => {
    const made = make(setting.steps)
    return prepared(setting, lossOf(made), made.transform)
  },
})

/** A share of the batch that rises from nothing over the first third of training. */
const early = (to: number, steps: number) => ramp({ to, steps: steps / 3 })

/** The guide's setting: up to 10 timesteps of 1/1000, half of the batch after a ramp; with UniPC of order 2. */
const guide = (steps: number) => ({ maxStepOffset: 10, probability: early(0.5, steps) })

/** Up to `max` steps of `stride` timesteps, half of the batch after a ramp; with Euler. */
const strided = (max: number, stride: number) => (steps: number) => ({
  maxStepOffset: max,
  stride,
  probability: early(0.5, steps),
})

/** A denoiser that is told another time than the one that its latents are at: `share` of it. */
const told =
  (share: number) =>
  (denoiser: Denoiser<'flow_matching'>): Denoiser<'flow_matching'> => ({
    ...denoiser,
    predict: (latents, timesteps, conditioning) =>
      denoiser.predict(
        latents,
        timesteps.map((t) => share * t),
        conditioning,
      ),
  })

/** What is compared with several seeds. */
const compared = {
  'teacher forcing': entry('noised data only', () => teacherForcing()),
  'scheduled sampling': entry('rollouts of up to 10 timesteps with UniPC, share up to 0.5', (steps) =>
    mdss(unipc({ order: 2 }), guide(steps)),
  ),
  '+ ReflexFlow': entry('the same, anti-drift 10, frequency compensation 1', (steps) =>
    reflexFlow(unipc({ order: 2 }), guide(steps)),
  ),
  '+ DEFAR': entry('a jump of any length in the graph, anti-drift 10, compensation 1', () => defarMethod()),
  'cleaner inputs': entry('inputs up to a tenth cleaner than the time that the model is told', () =>
    method({ transform: hastened(0.1) }),
  ),
} as const satisfies Record<string, Method>

/** What was tried on the way. */
const explored = {
  'told 0.95': {
    ...entry('teacher forcing; only samplers tell the model 0.95 of the time', () => teacherForcing()),
    sampled: told(0.95),
  },
  'told 0.9': {
    ...entry('teacher forcing; only samplers tell the model 0.9 of the time', () => teacherForcing()),
    sampled: told(0.9),
  },
  'input perturbation 0.1': entry('noise in the input that the target does not speak of', () =>
    inputPerturbation(0.1),
  ),
  'MixFlow 0.1': entry('inputs up to a tenth of the way noisier than told', () => mixFlow(0.1)),
  'MixFlow 0.2': entry('inputs up to a fifth of the way noisier than told', () => mixFlow(0.2)),
  'cleaner inputs 0.2': entry('inputs up to a fifth cleaner than told', () =>
    method({ transform: hastened(0.2) }),
  ),
  'one step': entry('rollouts of one step of 0.05, share up to 0.5', (steps) =>
    mdss(euler(), strided(1, 50)(steps)),
  ),
  'one step gentle': entry('rollouts of one step of 0.05, a tenth of the batch, last third', (steps) =>
    mdss(euler(), {
      maxStepOffset: 1,
      stride: 50,
      probability: ramp({ to: 0.1, steps: 0, startStep: (2 * steps) / 3 }),
    }),
  ),
  'one step weighted': entry('rollouts of one step of 0.05, which count sigma² as much', (steps) =>
    composed(
      mdss(euler(), strided(1, 50)(steps)),
      // 1 where nothing moved, sigma² where something did.
      weighting(({ rolled, sigma }) => sub(1, mul(rolled, sub(1, mul(sigma, sigma))))),
    ),
  ),
  'two steps': entry('rollouts of up to two steps of 0.05, share up to 0.5', (steps) =>
    mdss(euler(), strided(2, 50)(steps)),
  ),
  'two steps corrected': entry('the same with corrected targets', (steps) =>
    mdss(euler(), { ...strided(2, 50)(steps), target: 'corrected' }),
  ),
  trajectory: entry('the model’s own trajectory of 10 steps from pure noise, share up to 0.25', (steps) =>
    mdss(euler(), {
      maxStepOffset: 10,
      grid: trailing(flow(), 10),
      source: 'trajectory',
      probability: early(0.25, steps),
    }),
  ),
  SOAR: entry('one step of 0.05, re-noised to 6 points beside each sample, corrected targets', (steps) =>
    soar(euler(), strided(1, 50)(steps)),
  ),
  'SOAR in place': entry('the same, one point instead of each sample that was rolled out', (steps) =>
    method({
      transform: (upstream) =>
        pipe(upstream, rollout(euler(), strided(1, 50)(steps)), renoised(), corrected()),
    }),
  ),
  'gentle anti-drift': entry('the guide’s rollouts, anti-drift 0.1, no compensation', (steps) =>
    reflexFlow(unipc({ order: 2 }), guide(steps), { alpha: 0, beta1: 0.1 }),
  ),
  'gentle DEFAR': entry('a jump without gradient, anti-drift 0.1, no compensation', () =>
    defarMethod({ alpha: 0, beta1: 0.1, jump: 'stopped' }),
  ),
  'from the cleaner side': entry(
    'one step of up to 0.05 from cleaner data up to the time, by the model’s own velocity, share up to 0.5',
    (steps) => method({ transform: fromCleaner(50, early(0.5, steps)) }),
  ),
} as const satisfies Record<string, Method>

/** Every method by name. */
export const methods: Readonly<Record<keyof typeof compared | keyof typeof explored, Method>> = {
  ...compared,
  ...explored,
}

export type MethodName = keyof typeof methods

/** The names of everything, in the order of the tables (whose keys are exactly these: they are constants). */
export const methodNames = Object.keys(methods) as ReadonlyArray<MethodName>

/** What is compared on which images, with several seeds. */
export const plan: Readonly<Record<ImageSet, ReadonlyArray<MethodName>>> = {
  mnist: Object.keys(compared) as ReadonlyArray<MethodName>,
  'fashion-mnist': Object.keys(compared) as ReadonlyArray<MethodName>,
  'mnist-1000': ['teacher forcing', 'scheduled sampling', 'cleaner inputs'],
}
