import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { add, encode, input } from '../onnx/index.js'
import { float32, reasonOf } from '../types/index.js'
import { compile } from './compile.js'
import { type Device, devices } from './device.js'
import type { Account } from './probe.js'
import { toRuntime } from './runtime-tensor.js'

/** A process of its own that tries a device and tells what it found: what ONNX Runtime and drivers print stays in it, and what crashes, too. */
const device: Device = devices.find((name) => name === process.env['DERIVA_PROBE']) ?? 'cpu'

const orNothing = <A>(read: () => ReadonlyArray<A>): ReadonlyArray<A> => {
  try {
    return read()
  } catch {
    return []
  }
}

/** The libraries that are loaded, and the device files that are open; the latter on Linux alone. */
const evidence = (): Pick<Account, 'libraries' | 'files'> => {
  const report: unknown = process.report.getReport()
  const shared =
    typeof report === 'object' && report !== null && 'sharedObjects' in report ? report.sharedObjects : []
  return {
    libraries: Array.isArray(shared) ? shared.map(String) : [],
    files: orNothing(() =>
      readdirSync('/proc/self/fd').flatMap((fd) => orNothing(() => [readlinkSync(`/proc/self/fd/${fd}`)])),
    ).filter((path) => path.startsWith('/dev/')),
  }
}

/** The makers of the graphics cards behind these files. */
const vendors = (files: ReadonlyArray<string>): ReadonlyArray<string> =>
  files.flatMap((file) =>
    orNothing(() => {
      const node = /^\/dev\/dri\/(renderD\d+)$/.exec(file)?.[1]
      return node === undefined ? [] : [readFileSync(`/sys/class/drm/${node}/device/vendor`, 'utf8').trim()]
    }),
  )

const account = async (): Promise<Account> => {
  const x = input('x', 'float32', [1])
  const model = encode({ outputs: { y: add(x, 1) }, parameters: 'inputs' })
  try {
    const session = await compile(model, device)
    const { y } = await session.run({ x: toRuntime(float32([1], [1])) })
    const found = evidence()
    await session.release()
    const right = y.data[0] === 2
    return { ...found, vendors: vendors(found.files), ...(right ? {} : { failure: '1 + 1 is not 2 on it' }) }
  } catch (cause) {
    return { ...evidence(), vendors: [], failure: reasonOf(cause) }
  }
}

const told = await account()
process.send?.(told, undefined, undefined, () => {
  process.disconnect()
})
