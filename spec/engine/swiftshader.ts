import { existsSync } from 'node:fs'
import { thisMachine } from 'deriva/engine'

/** Where Debian's chromium-common puts a Vulkan driver that computes on the CPU. */
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json'

/**
 * Whether WebGPU works here: on a graphics card, or on SwiftShader, which this process and those it starts are pointed to.
 * Slow, but the real thing.
 */
export const webgpuThere = async (): Promise<boolean> => {
  if (!thisMachine.cardPossible() && existsSync(driver)) process.env['VK_ICD_FILENAMES'] = driver
  const { there } = await thisMachine.webgpu()
  if (!there)
    process.stderr.write(
      'Skipped: WebGPU is not to be had here; apt-get install chromium-common libvulkan1 brings it in software.\n',
    )
  return there
}
