import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type * as t from 'io-ts'
import { decodeSafetensors, encodeSafetensors } from 'deriva/checkpoint'
import type { DerivaError, Tensor, TensorOf } from 'deriva/types'

const failure =
  (path: string) =>
  (cause: unknown): DerivaError => ({
    _tag: 'DataError',
    message: `${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    path,
  })

/** What a file says, if it is there and says what it should; else undefined. */
export const kept =
  <A>(codec: t.Decoder<unknown, A>) =>
  (path: string): TE.TaskEither<DerivaError, A | undefined> =>
    pipe(
      TE.tryCatch(() => readFile(path, 'utf8'), failure(path)),
      TE.chainEitherK((text) => E.tryCatch((): unknown => JSON.parse(text), failure(path))),
      TE.map((value): A | undefined =>
        pipe(
          codec.decode(value),
          E.getOrElseW(() => undefined),
        ),
      ),
      TE.orElseW(() => TE.right(undefined)),
    )

/** Writes a file in one piece: it is there whole or not at all. */
export const keep = (path: string, content: string | Uint8Array): TE.TaskEither<DerivaError, void> =>
  TE.tryCatch(async () => {
    await mkdir(dirname(path), { recursive: true })
    // Several processes may make the same file.
    const part = `${path}.${process.pid}.part`
    await writeFile(part, content)
    await rename(part, path)
  }, failure(path))

/** What a file says, or what is made and written there where it does not say it yet. */
export const once = <A>(
  path: string,
  codec: t.Decoder<unknown, A>,
  make: TE.TaskEither<DerivaError, A>,
): TE.TaskEither<DerivaError, A> =>
  pipe(
    kept(codec)(path),
    TE.chain((found) =>
      found !== undefined
        ? TE.right(found)
        : pipe(
            make,
            TE.chainFirst((made) => keep(path, `${JSON.stringify(made, null, 1)}\n`)),
          ),
    ),
  )

/** Tensors that a file holds, or that are made and written there where it does not hold all of these names. */
export const onceTensors = <N extends string>(
  path: string,
  names: ReadonlyArray<N>,
  make: TE.TaskEither<DerivaError, Readonly<Record<N, TensorOf<'float32'>>>>,
): TE.TaskEither<DerivaError, Readonly<Record<N, TensorOf<'float32'>>>> => {
  const whole = (
    tensors: Readonly<Record<string, Tensor>>,
  ): tensors is Readonly<Record<N, TensorOf<'float32'>>> =>
    names.every((name) => Object.hasOwn(tensors, name) && tensors[name].type === 'float32')
  return pipe(
    TE.tryCatch(() => readFile(path), failure(path)),
    TE.chainEitherKW(decodeSafetensors),
    TE.map(({ tensors }) => tensors),
    TE.filterOrElseW(whole, () => failure(path)('it is not whole')),
    TE.orElse(() =>
      pipe(
        make,
        TE.chainFirst((made) => keep(path, encodeSafetensors(made))),
      ),
    ),
  )
}
