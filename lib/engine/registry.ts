import { type ElementType } from '../types/index.js'
import { type Resident, residentsOf, type Values } from './value.js'

/** The residents that an engine has given out: what they stand for is freed when they are released, or when nobody can reach them. */
export type Registry = {
  readonly add: (id: number, element: ElementType, dims: ReadonlyArray<number>) => Resident
  /**
   * The id of a resident that may still be fed.
   *
   * @throws Error where it has been released, or was given out by another engine
   */
  readonly idOf: (resident: Resident) => number
  /** Frees those among the values that are still there. */
  readonly release: (values: Values) => void
}

/**
 * @param free called once for each resident, with its id
 * @example
 * const freed: number[] = []
 * const residents = registry((ids) => { freed.push(...ids) })
 */
export const registry = (free: (ids: ReadonlyArray<number>) => void): Registry => {
  const standing = new WeakMap<Resident, 'there' | 'released'>()
  const unreachable = new FinalizationRegistry<number>((id) => {
    free([id])
  })
  return {
    add: (id, element, dims) => {
      const resident: Resident = { type: 'resident', element, dims, id }
      standing.set(resident, 'there')
      unreachable.register(resident, id, resident)
      return resident
    },
    idOf: (resident) => {
      const how = standing.get(resident)
      if (how === 'there') return resident.id
      throw new Error(
        how === 'released'
          ? 'a tensor that the engine held has been released; read what is wanted later before the step after it'
          : 'a tensor is held by another engine; read it there and feed what comes',
      )
    },
    release: (values) => {
      const there = residentsOf(values).filter((resident) => standing.get(resident) === 'there')
      for (const resident of there) {
        standing.set(resident, 'released')
        unreachable.unregister(resident)
      }
      if (there.length > 0) free(there.map(({ id }) => id))
    },
  }
}
