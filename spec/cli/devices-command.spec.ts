import { type Machine } from 'deriva/engine'
import { describe, expect, it } from 'vitest'
import { devicesCommand } from '../../lib/cli/devices-command.js'

const printed = async (machine: Machine): Promise<string> => {
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  expect(await devicesCommand({ print, tell: print, interactive: false, columns: 80 }, machine)()).toEqual({
    _tag: 'Right',
    right: 0,
  })
  return lines.join('\n')
}

describe('deriva devices', () => {
  it('lists what there is and what is missing, with the way to it', async () => {
    const text = await printed({
      cardPossible: () => true,
      cuda: () => Promise.resolve({ there: false, why: 'no library', remedy: 'node install.js' }),
      webgpu: () =>
        Promise.resolve({ there: true, name: 'AMD, by Vulkan', software: false, details: ['a driver'] }),
    })
    expect(text).toMatch(/^cpu {5}.+, (\d+ cores?, )?\d+ threads?$/m)
    expect(text).toContain('cuda    not to be had: no library\n        what may help: node install.js')
    expect(text).toContain('webgpu  AMD, by Vulkan\n        a driver')
    expect(text).toContain('auto takes webgpu.')
  })

  it('tells software from hardware', async () => {
    const text = await printed({
      cardPossible: () => true,
      cuda: () => Promise.resolve({ there: false, why: 'no library', remedy: 'node install.js' }),
      webgpu: () => Promise.resolve({ there: true, name: 'SwiftShader', software: true, details: [] }),
    })
    expect(text).toContain('webgpu  SwiftShader (software')
    expect(text).toContain('auto takes cpu.')
  })
})
