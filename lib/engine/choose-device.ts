import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Device, DeviceChoice } from './device.js'
import type { EngineError } from './engine.js'
import { type Machine, thisMachine } from './probe.js'

export type Chosen = {
  readonly device: Device
  /** Which device, and why: one line for a person. */
  readonly reason: string
}

const known: { readonly [D in Exclude<Device, 'cpu'>]: string } = { cuda: 'CUDA', webgpu: 'WebGPU' }

/**
 * The device to compute on. `auto` takes CUDA where it works, else WebGPU on a real graphics card, else the CPU; a device asked for by
 * name is taken, even if it is a software one, or refused.
 *
 * @param machine what there is; this machine by default
 * @returns Left `EngineError` where the device is not there; its message says what is missing, and the command that installs it
 * @example
 * const chosen = chooseDevice('auto')
 */
export const chooseDevice =
  (wanted: DeviceChoice, machine: Machine = thisMachine): TE.TaskEither<EngineError, Chosen> =>
  async () => {
    if (wanted === 'cpu') return E.right({ device: 'cpu', reason: 'CPU, as asked' })
    if (wanted !== 'auto') {
      const finding = await machine[wanted]()
      if (finding.there)
        return E.right({
          device: wanted,
          reason: `${known[wanted]} on ${finding.name}, as asked${finding.software ? '; it is computed by the CPU, slowly' : ''}`,
        })
      return E.left({
        _tag: 'EngineError',
        message: `${known[wanted]} is not to be had here: ${finding.why}. What may help: ${finding.remedy}`,
      })
    }
    const cuda = await machine.cuda()
    if (cuda.there) return E.right({ device: 'cuda', reason: `CUDA on ${cuda.name}` })
    if (!machine.cardPossible())
      return E.right({
        device: 'cpu',
        reason: 'CPU; this machine has no graphics card that a driver knows of',
      })
    const webgpu = await machine.webgpu()
    if (webgpu.there && !webgpu.software)
      return E.right({ device: 'webgpu', reason: `WebGPU on ${webgpu.name}; no CUDA: ${cuda.why}` })
    const without = webgpu.there ? `WebGPU is ${webgpu.name}, which is software` : `no WebGPU: ${webgpu.why}`
    return E.right({ device: 'cpu', reason: `CPU; no CUDA: ${cuda.why}; ${without}` })
  }
