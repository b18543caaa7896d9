import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { withDevice, withTrainingDevice } from '../../lib/cli/index.js'
import { type Engine, thisMachine } from '../../lib/engine/index.js'

const isOver = async (engine: Engine): Promise<boolean> => E.isLeft(await engine.open(new Uint8Array())())

describe('a device for a while', () => {
  it('is there during the work, in a thread of its own, and gone after it, however it ends', async () => {
    for (const outcome of [E.right(1), E.left({ _tag: 'DataError', message: 'no' } as const)]) {
      let used: Engine | undefined
      const told = await withDevice(
        '--device',
        'cpu',
      )(({ engine, reason }) => {
        used = engine
        expect([engine.device, reason]).toEqual(['cpu', 'CPU, as asked'])
        return TE.fromEither(outcome)
      })()
      expect(told).toEqual(outcome)
      if (used === undefined) throw new Error('it was not used')
      expect(await isOver(used)).toBe(true)
    }
  })

  it('that is not there is refused, with what is missing and what may help', async () => {
    const finding = await thisMachine.cuda()
    if (finding.there) return
    const refused = await withDevice('--device', 'cuda')(() => TE.right('used'))()
    expect(refused).toMatchObject({
      left: {
        _tag: 'ConfigError',
        problems: [
          { key: '--device', value: 'cuda', allowed: expect.stringContaining(finding.remedy) as string },
        ],
      },
    })
  })

  it('has to have the precision that training asks for', async () => {
    const on = (mixed_precision: 'no' | 'fp16' | 'bf16') =>
      withTrainingDevice({ device: 'cpu', mixed_precision })(({ engine }) => TE.right(engine.device))()
    expect(await on('no')).toEqual(E.right('cpu'))
    expect(await on('fp16')).toEqual(E.right('cpu'))
    expect(await on('bf16')).toMatchObject({
      left: { problems: [{ key: 'mixed_precision', value: 'bf16' }] },
    })
  })
})
