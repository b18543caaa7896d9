import { cp, mkdir, mkdtemp, readFile, rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { type Terminal, trainCommand } from '../../lib/cli/index.js'
import { dataNotes } from '../../lib/cli/same-data.js'
import type { DatasetFacts } from '../../lib/config/index.js'

const facts: DatasetFacts = { name: 'pets', shape: [3, 8, 8], classes: 0, size: 30, conditioning: {} }
const named = (...classNames: ReadonlyArray<string>): DatasetFacts => ({
  ...facts,
  classes: classNames.length,
  classNames,
})

describe('data that a run goes on with', () => {
  it('is nothing to speak of where it is the same', () => {
    for (const same of [facts, named('cat', 'dog')])
      expect(dataNotes('runs/a', same, same)).toEqual(E.right([]))
    // Runs of earlier versions knew no names.
    expect(dataNotes('runs/a', facts, named('cat', 'dog'))).toEqual(E.right([]))
  })

  it('is spoken of where there are more samples, or others', () => {
    expect(dataNotes('runs/a', facts, { ...facts, size: 31, shape: [3, 16, 16] })).toEqual(
      E.right([
        'The samples of pets are [3, 16, 16], and were [3, 8, 8] at the checkpoint.',
        'pets has 31 samples, and had 30 at the checkpoint: batches are drawn anew from them.',
      ]),
    )
  })

  it.each([
    [named('dog', 'zebra'), 'class 0 is "cat" there and "dog" here'],
    [named('cat'), 'class 1 is "dog" there and nothing here'],
    [named('cat', 'dog', 'zebra'), 'class 2 is nothing there and "zebra" here'],
    [facts, 'class 0 is "cat" there and nothing here'],
  ])('is refused where labels mean other classes', (now, message) => {
    expect(dataNotes('runs/a', named('cat', 'dog'), now)).toMatchObject({
      left: { problems: [{ key: 'dataset', allowed: expect.stringContaining(message) as string }] },
    })
  })

  it('is looked at before anything is trained, and named in the report', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
    const [pets, run] = [join(folder, 'pets'), join(folder, 'run')]
    for (const name of ['cat', 'dog']) {
      await mkdir(join(pets, name), { recursive: true })
      for (const i of [1, 2, 3])
        await sharp({ create: { width: 8, height: 8, channels: 3, background: '#c04020' } })
          .png()
          .toFile(join(pets, name, `${i}.png`))
    }
    let told = ''
    const terminal: Terminal = {
      print: () => undefined,
      tell: (text) => (told += `${text}\n`),
      interactive: false,
      columns: 80,
    }
    const train = (...words: ReadonlyArray<string>) =>
      trainCommand(
        [
          `--output_dir=${run}`,
          `--dataset=${pets}`,
          '--train_batch_size=2',
          '--model.type=dit',
          '--model.width=8',
          '--model.depth=1',
          '--model.heads=1',
          '--validation_num_images=2',
          '--validation_num_inference_steps=2',
          ...words,
        ],
        terminal,
      )()
    expect(await train('--max_train_steps=1')).toEqual(E.right(0))
    expect(await readFile(join(run, 'report.html'), 'utf8')).toContain('along each row: cat, dog.')
    await cp(join(pets, 'cat/1.png'), join(pets, 'cat/4.png'))
    expect(await train('--max_train_steps=2', '--resume_from_checkpoint=latest')).toEqual(E.right(0))
    expect(told).toContain('has 7 samples, and had 6')
    await rename(join(pets, 'cat'), join(pets, 'zebra'))
    expect(await train('--max_train_steps=3', '--resume_from_checkpoint=latest')).toMatchObject({
      left: { _tag: 'ConfigError', problems: [{ key: 'dataset' }] },
    })
  })
})
