import * as E from 'fp-ts/lib/Either.js'

/** What a computation came to, where a test needs it to have succeeded. */
export const right = <A>(either: E.Either<string | { readonly message: string }, A>): A => {
  if (E.isLeft(either)) throw new Error(typeof either.left === 'string' ? either.left : either.left.message)
  return either.right
}
