import type { Entry, Place } from './share.js'

/** Readable, unique names of the tensors of a file. */
export class Names {
  private readonly taken = new Set<string>()
  private readonly counts = new Map<string, number>()
  private readonly names = new Map<number, Map<number, string>>()

  /** Keeps a name from being used for anything else. */
  reserve(name: string): void {
    this.taken.add(name)
  }

  /** Gives a tensor exactly this name. */
  claim({ entry, output }: Place, name: string): void {
    this.reserve(name)
    const names = this.names.get(entry.id) ?? new Map<number, string>()
    this.names.set(entry.id, names.set(output, name))
  }

  has({ entry, output }: Place): boolean {
    return this.names.get(entry.id)?.has(output) === true
  }

  isTaken(name: string): boolean {
    return this.taken.has(name)
  }

  /** The name of a tensor that was given one. */
  of({ entry, output }: Place): string {
    const name = this.names.get(entry.id)?.get(output)
    if (name === undefined) throw new TypeError(`output ${output} of ${labelOf(entry)} has no name`)
    return name
  }

  /** A name like the one wished for: itself, or with the first free number. */
  fresh(wish: string): string {
    let name = wish
    for (let n = this.counts.get(wish) ?? 0; this.taken.has(name) || name === ''; n++) {
      name = `${wish}_${n}`
      this.counts.set(wish, n + 1)
    }
    this.reserve(name)
    return name
  }
}

const labelOf = ({ node }: Entry): string => (node.kind === 'operator' ? node.operator : node.kind)
