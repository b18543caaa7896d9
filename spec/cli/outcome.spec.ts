import { describe, expect, it } from 'vitest'
import { errorText, exitCodeOf, isDerivaError } from '../../lib/cli/index.js'
import { configError } from '../../lib/config/index.js'

describe('outcomes', () => {
  it('distinguish refusals from failures', () => {
    expect(exitCodeOf(configError([]))).toBe(2)
    expect(exitCodeOf({ _tag: 'TrainingError', message: 'm', step: 1 })).toBe(1)
    expect(exitCodeOf({ _tag: 'EngineError', message: 'm' })).toBe(1)
  })

  it('say what is wrong, one problem after the other', () => {
    const text = errorText(
      configError([
        { key: 'seed', value: -1, allowed: 'an integer ≥ 0' },
        { key: '--use_ema', value: 'yes', allowed: 'true or false' },
        { key: '--sed', value: true, allowed: 'there is no such option; did you mean seed?' },
      ]),
    )
    expect(text.split('\n')).toEqual([
      'Refused; nothing was written.',
      '',
      '  seed = -1',
      '    allowed: an integer ≥ 0',
      '  --use_ema = yes',
      '    allowed: true or false',
      '  --sed',
      '    there is no such option; did you mean seed?',
    ])
  })

  it('say what needs less memory where there was not enough, and only there', () => {
    const full = 'running the training step: Failed to allocate memory for requested buffer of size 205520896'
    expect(errorText({ _tag: 'EngineError', message: full })).toMatch(
      /205520896\n\nThere was not enough memory/,
    )
    expect(errorText({ _tag: 'EngineError', message: 'no such operator' })).not.toContain('memory')
  })

  it('tell failures from bugs', () => {
    expect(isDerivaError({ _tag: 'DataError', message: '' })).toBe(true)
    for (const other of [new Error('x'), null, 'text', { _tag: 'Left' }, { _tag: 'toString' }])
      expect(isDerivaError(other)).toBe(false)
  })
})
