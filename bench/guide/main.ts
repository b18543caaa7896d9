/**
 * The pictures of docs/scheduled-sampling.md and of its translations. Trains two small models with teacher forcing, one on points in the
 * plane and one on MNIST's digits, and lets them roll out.
 *
 *     npx tsx --tsconfig tsconfig.json bench/guide/main.ts [--steps 800]     # about two minutes; writes docs/images/sampling-*
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { lengthPicture, rampPicture } from './choices.js'
import { digits } from './digits.js'
import { ideaPicture, planeWays } from './plane.js'
import { spanPictures, spansOf } from './spans.js'
import { stripPicture } from './strips.js'
import { languages } from './words.js'

const { values } = parseArgs({ options: { steps: { type: 'string', default: '800' } } })

const folder = new URL('../../docs/images/', import.meta.url)
mkdirSync(folder, { recursive: true })
const write = (name: string, content: string | Uint8Array): void => {
  writeFileSync(new URL(name, folder), content)
  console.log(`docs/images/${name}`)
}
/** Pictures with words, in every language: English without a mark. */
const drawn = (name: string, picture: (language: (typeof languages)[number]) => string): void => {
  for (const language of languages)
    write(`sampling-${name}${language === 'en' ? '' : `.${language}`}.svg`, picture(language))
}

drawn('ramp', rampPicture)
drawn('lengths', lengthPicture)
const done = await pipe(
  planeWays,
  TE.map((places) => {
    drawn('idea', (language) => ideaPicture(places, language))
  }),
  TE.chain(() => digits(Number(values.steps))),
  TE.bindTo('made'),
  TE.bind('spans', ({ made }) => spansOf(made)),
  TE.bind('strip', ({ made }) => stripPicture(made)),
  TE.map(({ spans, strip }) => {
    console.table(spans.drifts)
    console.table(spans.details)
    drawn('drift', (language) => spanPictures(spans, language).drift)
    drawn('detail', (language) => spanPictures(spans, language).detail)
    write('sampling-strips.png', strip)
  }),
)()
if (E.isLeft(done)) {
  console.error(done.left.message)
  process.exitCode = 1
}
