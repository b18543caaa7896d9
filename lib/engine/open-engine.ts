import type { Device } from './device.js'
import type { Engine } from './engine.js'
import { localEngine } from './local-engine.js'
import { workerEngine } from './worker-engine.js'

export type EngineOptions = {
  /** Default `cpu`. */
  readonly device?: Device
  /** Whether to compute in a thread of its own, so that timers, signals and servers go on meanwhile. Default false. */
  readonly worker?: boolean
}

/**
 * ONNX Runtime on a device.
 *
 * @example
 * const engine = openEngine({ device: 'cpu', worker: true })
 */
export const openEngine = ({ device = 'cpu', worker = false }: EngineOptions = {}): Engine =>
  worker ? workerEngine(device) : localEngine(device)
