import { execFile, fork } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import type * as IO from 'fp-ts/lib/IO.js'
import type * as T from 'fp-ts/lib/Task.js'
import type { Device } from './device.js'

/** What the process that tried a device tells of it. */
export type Account = {
  /** The libraries that were loaded in the end, by path. */
  readonly libraries: ReadonlyArray<string>
  /** The device files that were open. */
  readonly files: ReadonlyArray<string>
  /** The PCI numbers of the makers of the cards. */
  readonly vendors: ReadonlyArray<string>
  /** Why the device could not be used. */
  readonly failure?: string
}

/** Whether a machine has a device; where not, what would help. */
export type Finding =
  | {
      readonly there: true
      readonly name: string
      /** Whether it is a GPU in name only, computed by the CPU. */
      readonly software: boolean
      readonly details: ReadonlyArray<string>
    }
  | { readonly there: false; readonly why: string; readonly remedy: string }

type Outcome = Account & {
  /** What was printed meanwhile. */
  readonly printed: string
}

/** A device that does not answer is no device. */
const patience = 30_000

const tried =
  (device: Device): T.Task<Outcome> =>
  () =>
    new Promise((resolve) => {
      const fromSource = import.meta.url.endsWith('.ts')
      const child = fork(new URL(fromSource ? './probe-main.ts' : './probe-main.js', import.meta.url), {
        execArgv: fromSource ? ['--import', 'tsx'] : [],
        env: { ...process.env, DERIVA_PROBE: device },
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        timeout: patience,
        killSignal: 'SIGKILL',
      })
      let printed = ''
      let told: Account | undefined
      child.stderr?.on('data', (text: Buffer) => {
        printed += text.toString()
      })
      child.on('message', (account: Account) => {
        told = account
      })
      const none = { libraries: [], files: [], vendors: [] }
      child.on('error', (cause) => {
        resolve({ ...none, printed, failure: cause.message })
      })
      child.on('close', (code, signal) => {
        const failure = `trying it ended with ${signal ?? `exit code ${code ?? 'unknown'}`}`
        resolve({ ...(told ?? { ...none, failure }), printed })
      })
    })

/** What NVIDIA's driver says of the cards, one a line. */
const cards: T.Task<ReadonlyArray<string>> = () =>
  new Promise((resolve) => {
    const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader']
    execFile('nvidia-smi', query, { timeout: patience }, (failure, out) => {
      resolve(failure === null ? out.trim().split('\n') : [])
    })
  })

const inRuntime = (file: string): string =>
  join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), file)

/** ONNX Runtime's own installer of its CUDA libraries, as a command. */
const installer = (): string =>
  `node ${relative('.', inRuntime('script/install.js'))} --onnxruntime-node-install=cuda12`

const cudaLibraries =
  'pip install nvidia-cuda-runtime-cu12 nvidia-cublas-cu12 nvidia-cufft-cu12 nvidia-curand-cu12 nvidia-cudnn-cu12'

/**
 * What the attempt to use CUDA says about it.
 *
 * @param gpus what NVIDIA's driver says of the cards
 * @example
 * const finding = cudaFinding({ libraries: [], files: [], vendors: [], printed: '', failure: 'no such library' }, [])
 */
export const cudaFinding = (
  { failure, printed, libraries }: Outcome,
  gpus: ReadonlyArray<string>,
): Finding => {
  if (failure === undefined)
    return {
      there: true,
      name: gpus[0] ?? 'an NVIDIA card',
      software: false,
      details: [...gpus.slice(1), ...libraries.filter((path) => /lib(cudart|cublas|cudnn)\.so/.test(path))],
    }
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return {
      there: false,
      why: `onnxruntime-node has CUDA for Linux on x64, not for ${process.platform} on ${process.arch}`,
      remedy: 'use --device webgpu, which works with NVIDIA cards too',
    }
  const noCard = gpus.length === 0 ? 'no NVIDIA driver answers (nvidia-smi), and ' : ''
  const missing = /([\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(`${printed}\n${failure}`)?.[1]
  if (missing?.startsWith('libonnxruntime') === true)
    return {
      there: false,
      why: `${noCard}ONNX Runtime's CUDA libraries are not installed (${missing})`,
      remedy: installer(),
    }
  if (missing !== undefined)
    return {
      there: false,
      why: `${noCard}a library of CUDA 12 or cuDNN 9 is missing (${missing})`,
      remedy: `${cudaLibraries}, with their lib folders on LD_LIBRARY_PATH`,
    }
  return {
    there: false,
    why: `${noCard}ONNX Runtime says: ${failure.trim()}`,
    remedy: 'install the NVIDIA driver; nvidia-smi shows whether it works',
  }
}

const makers: Readonly<Record<string, string>> = {
  '0x10de': 'NVIDIA',
  '0x1002': 'AMD',
  '0x8086': 'Intel',
  '0x13b5': 'ARM',
  '0x5143': 'Qualcomm',
}

/** Drivers that compute on the CPU. */
const softwareDrivers: ReadonlyArray<readonly [RegExp, string]> = [
  [/vk_swiftshader/i, 'SwiftShader'],
  [/libvulkan_lvp/, 'llvmpipe'],
  [/d3d10warp/i, 'WARP'],
]

/** Files that a driver keeps open while it has a card. */
const hardware = /^\/dev\/(dri\/renderD\d+|nvidia\d+|dxg|mali\d+|kgsl)/

/**
 * What the attempt to use WebGPU says about it.
 *
 * @example
 * const finding = webgpuFinding({ libraries: [], files: [], vendors: [], printed: '', failure: 'No supported adapters' }, 'linux')
 */
export const webgpuFinding = (
  { failure, libraries, files, vendors }: Outcome,
  platform: NodeJS.Platform = process.platform,
): Finding => {
  if (failure !== undefined)
    return {
      there: false,
      why: failure.includes('No supported adapters')
        ? 'no GPU with a Vulkan, Metal or Direct3D 12 driver was found'
        : `ONNX Runtime says: ${failure.trim()}`,
      remedy:
        platform === 'linux'
          ? 'apt-get install libvulkan1 mesa-vulkan-drivers (AMD, Intel), or NVIDIA’s driver'
          : 'install the driver of the graphics card',
    }
  const driver = softwareDrivers.find(([pattern]) => libraries.some((path) => pattern.test(path)))?.[1]
  const card = files.some((path) => hardware.test(path))
  const software = platform === 'linux' ? !card : driver !== undefined
  if (software) return { there: true, name: driver ?? 'a driver without a card', software, details: [] }
  const named = [
    ...new Set([
      ...vendors.map((vendor) => makers[vendor] ?? `maker ${vendor}`),
      ...(files.some((path) => path.startsWith('/dev/nvidia')) ? ['NVIDIA'] : []),
    ]),
  ]
  const api = platform === 'darwin' ? 'Metal' : platform === 'win32' ? 'Direct3D 12' : 'Vulkan'
  return {
    there: true,
    name: named.length === 0 ? `a GPU, by ${api}` : `${named.join(' or ')}, by ${api}`,
    software,
    details: [],
  }
}

/** A machine does not change under a process: it is asked once. */
const once = <A>(task: T.Task<A>): T.Task<A> => {
  let answer: Promise<A> | undefined
  return () => (answer ??= task())
}

const nothing = { libraries: [], files: [], vendors: [], printed: '' }

/** ONNX Runtime's CUDA library, which is not part of the package. Where it is missing there is nothing to try. */
const cudaProvider = 'libonnxruntime_providers_cuda.so'
const cudaInstalled: IO.IO<boolean> = () =>
  existsSync(inRuntime(`bin/napi-v6/${process.platform}/${process.arch}/${cudaProvider}`))

/** Whether there may be a graphics card: on Linux, whether a driver has made a file for one. */
const cardPossible: IO.IO<boolean> = () =>
  process.platform !== 'linux' ||
  ['/dev', '/dev/dri'].some(
    (folder) => existsSync(folder) && readdirSync(folder).some((file) => hardware.test(join(folder, file))),
  )

/** What a machine has beside its CPU. */
export type Machine = Readonly<Record<Exclude<Device, 'cpu'>, T.Task<Finding>>> & {
  /** Quick to ask: where it is false no graphics card can be found. */
  readonly cardPossible: IO.IO<boolean>
}

/** This machine. Devices are tried in processes of their own, so that nothing they print or break is seen here; each once. */
export const thisMachine: Machine = {
  cardPossible,
  cuda: once(async () => {
    const failure = `${cudaProvider}: cannot open shared object file`
    const [outcome, gpus] = await Promise.all([
      cudaInstalled() ? tried('cuda')() : { ...nothing, failure },
      cards(),
    ])
    return cudaFinding(outcome, gpus)
  }),
  webgpu: once(async () => webgpuFinding(await tried('webgpu')())),
}
