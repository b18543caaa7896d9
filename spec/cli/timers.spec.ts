import { mkdtemp, readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import * as E from 'fp-ts/lib/Either.js'
import { expect, it } from 'vitest'
import { type Terminal, trainCommand } from '../../lib/cli/index.js'
import { lateness } from './lateness.js'

/** A model of 2.7 million weights, whose checkpoints are 44 MB; rollouts, checkpoints and grids all within two seconds or a few. */
const words = [
  ['--dataset=mnist', '--train_batch_size=4', '--max_train_steps=15', '--device=cpu'],
  ['--model.type=dit', '--model.width=192', '--model.depth=4', '--model.heads=3', '--model.patch=4'],
  ['--scheduled_sampling_max_step_offset=3', '--scheduled_sampling_probability=0.5'],
  ['--checkpoint_step_interval=6', '--validation_step_interval=6'],
  ['--validation_num_images=8', '--validation_num_inference_steps=4'],
].flat()

it('while the command line trains, no timer is late by more than 50 ms', async () => {
  let folder = ''
  const late = await lateness(async (look, lookAway) => {
    folder = join(await mkdtemp(join(tmpdir(), 'deriva-')), 'run')
    const terminal: Terminal = {
      print: () => undefined,
      // The first step is told, and the last: before and after them, graphs are made and the report is drawn.
      tell: (text) => {
        if (text.startsWith('step 1/')) look()
        if (text.startsWith('step 15/')) lookAway()
      },
      interactive: false,
      columns: 80,
    }
    expect(await trainCommand([...words, `--output_dir=${folder}`], terminal)()).toEqual(E.right(0))
  }, 50)
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['checkpoint-000012', 'samples']))
  expect(late.ticks).toBeGreaterThan(20)
  expect(late.latest).toBeLessThan(50)
}, 300_000)

it('and it would be seen, were the thread held up', async () => {
  const late = await lateness(
    async (look) => {
      look()
      await setTimeout(50)
      // Time of the processor, not of the clock.
      const begun = process.cpuUsage()
      while (process.cpuUsage(begun).user < 200_000);
      await setTimeout(50)
    },
    50,
    1,
  )
  expect(late.latest).toBeGreaterThan(50)
})
