import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeConfig, parseFlags } from '../../lib/config/index.js'

describe('parseFlags', () => {
  it('reads both forms, and positional words between them', () => {
    expect(parseFlags(['--seed', '7', 'config.json', '--learning_rate=1e-4', '--output_dir=a=b'])).toEqual({
      positional: ['config.json'],
      flags: { seed: '7', learning_rate: '1e-4', output_dir: 'a=b' },
    })
  })

  it('lets booleans stand alone', () => {
    expect(parseFlags(['--use_ema', 'config.json'])).toEqual({
      positional: ['config.json'],
      flags: { use_ema: true },
    })
    expect(parseFlags(['--use_ema', 'false', '--seed', '1']).flags).toEqual({ use_ema: 'false', seed: '1' })
    expect(parseFlags(['--use_ema=false']).flags).toEqual({ use_ema: 'false' })
    // As Python writes them.
    expect(parseFlags(['--use_ema', 'False', '--use_soft_min_snr=True'])).toEqual({
      positional: [],
      flags: { use_ema: 'False', use_soft_min_snr: 'True' },
    })
    expect(decodeConfig({}, { use_ema: 'False', use_soft_min_snr: 'True' })).toMatchObject({
      right: { use_ema: false, use_soft_min_snr: true },
    })
  })

  it('takes negative numbers as values', () => {
    expect(parseFlags(['--seed', '-1']).flags).toEqual({ seed: '-1' })
  })

  it('marks a flag whose value is missing', () => {
    expect(parseFlags(['--seed', '--use_ema']).flags).toEqual({ seed: true, use_ema: true })
  })

  it('lets the last of several win', () => {
    expect(parseFlags(['--seed', '1', '--seed=2']).flags).toEqual({ seed: '2' })
  })

  it('reads any value back from the form with the equals sign', () => {
    fc.assert(
      fc.property(fc.string(), (value) => parseFlags([`--output_dir=${value}`]).flags.output_dir === value),
    )
  })
})
