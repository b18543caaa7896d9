import { add, mul, sub, type Value } from '../onnx/index.js'

/**
 * The decay at a step: min(decay, (1 + step) / (10 + step)), so that the average forgets its random start quickly.
 *
 * @param step steps already taken
 * @example
 * const decay = emaDecay(0.999)(0) // 0.1
 */
export const emaDecay =
  (decay: number) =>
  (step: number): number =>
    Math.min(decay, (1 + step) / (10 + step))

/**
 * decay · average + (1 − decay) · parameter.
 *
 * @example
 * declare const average: Value, parameter: Value, decay: Value
 * const next = averaged(average, parameter, decay)
 */
export const averaged = (average: Value, parameter: Value, decay: Value): Value =>
  add(parameter, mul(decay, sub(average, parameter)))
