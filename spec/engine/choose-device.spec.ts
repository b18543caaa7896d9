import {
  chooseDevice,
  cudaFinding,
  type Finding,
  type Machine,
  thisMachine,
  webgpuFinding,
} from 'deriva/engine'
import { describe, expect, it } from 'vitest'

const card = (name: string, software = false): Finding => ({ there: true, name, software, details: [] })
const missing = (why: string): Finding => ({ there: false, why, remedy: 'install it' })
const machine = (cuda: Finding, webgpu: Finding, cardPossible = true): Machine => ({
  cuda: () => Promise.resolve(cuda),
  webgpu: () => Promise.resolve(webgpu),
  cardPossible: () => cardPossible,
})

describe('chooseDevice', () => {
  it.each([
    ['CUDA where it works', machine(card('H100'), card('H100, by Vulkan')), 'cuda', /^CUDA on H100$/],
    [
      'else WebGPU',
      machine(missing('no libraries'), card('AMD')),
      'webgpu',
      /^WebGPU on AMD; no CUDA: no lib/,
    ],
    [
      'not WebGPU by software',
      machine(missing('a'), card('llvmpipe', true)),
      'cpu',
      /llvmpipe, which is soft/,
    ],
    ['else the CPU', machine(missing('no libraries'), missing('no GPU')), 'cpu', /no libraries.*no GPU/],
    ['the CPU at once without a card', machine(missing('a'), card('AMD'), false), 'cpu', /no graphics card/],
  ])('takes %s by itself, and says why in one line', async (_, having, device, reason) => {
    const chosen = await chooseDevice('auto', having)()
    expect(chosen).toMatchObject({ right: { device, reason: expect.stringMatching(reason) as string } })
    expect(JSON.stringify(chosen)).not.toContain('\\n')
  })

  it('takes what is asked for by name', async () => {
    const having = machine(missing('no libraries'), card('SwiftShader', true))
    expect(await chooseDevice('cpu', having)()).toMatchObject({ right: { device: 'cpu' } })
    expect(await chooseDevice('webgpu', having)()).toMatchObject({ right: { device: 'webgpu' } })
    const refused = await chooseDevice('cuda', having)()
    expect(refused).toEqual({
      _tag: 'Left',
      left: {
        _tag: 'EngineError',
        message: 'CUDA is not to be had here: no libraries. What may help: install it',
      },
    })
  })

  it('finds out about this machine without a sound, and either uses a device or says what would help', async () => {
    for (const device of ['cuda', 'webgpu'] as const) {
      const finding = await thisMachine[device]()
      const chosen = await chooseDevice(device)()
      if (finding.there) expect(chosen).toMatchObject({ right: { device } })
      else
        expect(chosen).toMatchObject({ left: { message: expect.stringContaining(finding.remedy) as string } })
    }
  })
})

const nothing = { libraries: [], files: [], vendors: [], printed: '' }

describe('what was printed and loaded tells', () => {
  const gpus = ['NVIDIA H100, 570.1, 81559 MiB']
  it.runIf(process.platform === 'linux' && process.arch === 'x64')('what CUDA lacks', () => {
    const failure = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library'
    const without = (library: string): Finding =>
      cudaFinding(
        { ...nothing, failure, printed: `Failed: ${library}: cannot open shared object file: No such file` },
        gpus,
      )
    expect(without('/x/libonnxruntime_providers_shared.so')).toMatchObject({
      there: false,
      remedy: expect.stringMatching(
        /^node .*onnxruntime-node\/script\/install.js --onnxruntime-node-install/,
      ) as string,
    })
    expect(without('libcudnn.so.9')).toMatchObject({
      why: 'a library of CUDA 12 or cuDNN 9 is missing (libcudnn.so.9)',
      remedy: expect.stringContaining('nvidia-cudnn-cu12') as string,
    })
    expect(cudaFinding({ ...nothing, failure }, [])).toMatchObject({
      why: expect.stringContaining('no NVIDIA driver answers') as string,
    })
  })

  it('which card CUDA has, and which libraries', () => {
    const libraries = ['/usr/lib/libcudnn.so.9', '/usr/lib/libc.so.6', '/usr/lib/libcublas.so.12']
    expect(cudaFinding({ ...nothing, libraries }, gpus)).toEqual({
      there: true,
      name: gpus[0],
      software: false,
      details: ['/usr/lib/libcudnn.so.9', '/usr/lib/libcublas.so.12'],
    })
  })

  it('whether WebGPU is a graphics card', () => {
    // Mesa loads all its drivers, whatever the hardware: only open device files tell.
    const libraries = ['/x/libvulkan_intel.so', '/x/libvulkan_lvp.so']
    expect(webgpuFinding({ ...nothing, libraries }, 'linux')).toMatchObject({
      software: true,
      name: 'llvmpipe',
    })
    expect(
      webgpuFinding({ ...nothing, libraries, files: ['/dev/dri/renderD128'], vendors: ['0x8086'] }, 'linux'),
    ).toMatchObject({ software: false, name: 'Intel, by Vulkan' })
    expect(webgpuFinding({ ...nothing, files: ['/dev/nvidia0'] }, 'linux')).toMatchObject({
      software: false,
      name: 'NVIDIA, by Vulkan',
    })
    expect(webgpuFinding(nothing, 'darwin')).toMatchObject({ software: false, name: 'a GPU, by Metal' })
    expect(
      webgpuFinding({ ...nothing, libraries: ['C:\\Windows\\System32\\d3d10warp.dll'] }, 'win32'),
    ).toMatchObject({ software: true, name: 'WARP' })
    expect(webgpuFinding({ ...nothing, failure: 'No supported adapters' }, 'linux')).toMatchObject({
      there: false,
      remedy: expect.stringContaining('libvulkan1') as string,
    })
  })
})
