import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import sharp from 'sharp'
import { expect, it } from 'vitest'
import { type Terminal, trainCommand } from '../../lib/cli/index.js'
import { permutation } from '../../lib/random/index.js'

const silent: Terminal = { print: () => undefined, tell: () => undefined, interactive: false, columns: 80 }

/** More images than are looked at before training. */
const images = 600
const batch = 100

const nameOf = (index: number): string => `${String(index).padStart(3, '0')}.png`

/** An image that is first read in the third batch. */
const late = (): number => {
  const before = new Set(Array.from({ length: 512 }, (_, i) => Math.floor((i * images) / 512)))
  const order = permutation({ seed: 42, purpose: 'shuffle', step: 0, sample: 0 }, images)
  const found = order.subarray(2 * batch, 3 * batch).find((index) => !before.has(index))
  if (found === undefined) throw new Error('every image of the third batch is read before')
  return found
}

it('an image that cannot be read takes nothing from the steps before it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deriva-'))
  const photos = join(folder, 'photos')
  await mkdir(photos)
  const good = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#c04020' } })
    .png()
    .toBuffer()
  for (let i = 0; i < images; i++) await writeFile(join(photos, nameOf(i)), good)
  const train = (name: string, ...words: ReadonlyArray<string>) =>
    trainCommand(
      [
        `--output_dir=${join(folder, name)}`,
        `--dataset=${photos}`,
        `--train_batch_size=${batch}`,
        '--model.type=dit',
        '--model.width=8',
        '--model.depth=1',
        '--model.heads=1',
        '--max_train_steps=4',
        '--validation_step_interval=0',
        '--validation_num_images=4',
        '--validation_num_inference_steps=2',
        ...words,
      ],
      silent,
    )()
  expect(await train('whole')).toEqual(E.right(0))

  const broken = join(photos, nameOf(late()))
  await writeFile(broken, 'no image')
  expect(await train('parts')).toMatchObject({
    left: {
      _tag: 'DataError',
      message: expect.stringMatching(
        /parts\/checkpoint-000002 is complete\. Go on with: .* --resume_from_checkpoint latest$/,
      ) as string,
    },
  })
  await copyFile(join(photos, nameOf(0)), broken)
  expect(await train('parts', '--resume_from_checkpoint=latest')).toEqual(E.right(0))
  const model = (name: string) => readFile(join(folder, name, 'model.onnx'))
  expect(Buffer.compare(await model('parts'), await model('whole'))).toBe(0)
})
