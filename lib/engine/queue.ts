/**
 * Does one thing after the other, in the order asked for; a failure of one does not keep the next from its turn.
 *
 * @example
 * const inTurn = queue()
 * const both = Promise.all([inTurn(() => Promise.resolve(1)), inTurn(() => Promise.resolve(2))])
 */
export const queue = (): (<A>(task: () => Promise<A>) => Promise<A>) => {
  let last: Promise<void> = Promise.resolve()
  return (task) => {
    const outcome = last.then(task)
    // Without its value, which nobody but the asker should hold.
    last = outcome.then(
      () => undefined,
      () => undefined,
    )
    return outcome
  }
}
