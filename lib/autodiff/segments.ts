import { bytesOfValues, type Node, type Value, views } from '../onnx/index.js'

/** A graph's order cut into stretches. */
export type Segments = {
  readonly count: number
  /** Which stretch a node belongs to, from 0: the one that computes it. */
  readonly of: (node: Node) => number
}

/** A place of the order in memory terms: what is computed there, and until where it is read. */
type Step = { readonly bytes: number; readonly lastUse: number }

/** What each place of an order costs. What depends on no input, such as a transposed weight, costs nothing: it is not an activation. */
const stepsOf = (order: ReadonlyArray<Node>): ReadonlyArray<Step> => {
  const place = new Map(order.map((node, i) => [node, i]))
  /** The place whose memory a node's result lies in; undefined where that is no activation. */
  const owners: (number | undefined)[] = []
  const lastUses = order.map((_, i) => i)
  const ownerOf = (x: Value | undefined): number | undefined =>
    x === undefined ? undefined : owners[place.get(x.node) ?? 0]
  order.forEach((node, i) => {
    if (node.kind !== 'operator') {
      owners.push(node.kind === 'input' ? i : undefined)
      return
    }
    const read = node.inputs.flatMap((x) => ownerOf(x) ?? [])
    owners.push(read.length === 0 ? undefined : views.has(node.operator) ? read[0] : i)
    for (const owner of read) lastUses[owner] = i
  })
  return order.map((node, i) => ({
    // Inputs are there anyway.
    bytes: owners[i] === i && node.kind === 'operator' ? bytesOfValues(node.outputs) : 0,
    lastUse: lastUses[i],
  }))
}

/** A way to cut: the places of the last nodes of all segments but the last. */
type Cuts = {
  readonly places: ReadonlyArray<number>
  /** Bytes that outlive their segment, and bytes of the largest segment. */
  readonly kept: number
  readonly largest: number
}

/** Places after which less is alive than after their neighbours: about `most` of them at most. */
const narrow = (steps: ReadonlyArray<Step>, most: number): ReadonlyArray<number> => {
  const change = new Array<number>(steps.length).fill(0)
  steps.forEach(({ bytes, lastUse }, i) => {
    change[i] += bytes
    change[lastUse] -= bytes
  })
  let now = 0
  const alive = change.map((bytes) => (now += bytes))
  const results = steps.flatMap(({ bytes }, i) => (bytes > 0 ? [i] : []))
  // Nothing comes after the last result.
  const minima = results.slice(0, -1).filter((i, k) => {
    const [before, after] = [k === 0 ? i : results[k - 1], results[k + 1]]
    return alive[i] <= alive[before] && alive[i] <= alive[after]
  })
  return minima.filter((_, k) => k % Math.ceil(minima.length / most) === 0)
}

/** Of all cuts at these places whose segments hold at most `limit` bytes those that keep the least: shortest paths. */
const cutsBelow = (
  steps: ReadonlyArray<Step>,
  places: ReadonlyArray<number>,
  limit: number,
): Cuts | undefined => {
  const ends = [...places, steps.length - 1]
  type Way = { readonly kept: number; readonly largest: number; readonly from: number }
  const ways: (Way | undefined)[] = []
  ends.forEach((end, e) => {
    const isLast = e === ends.length - 1
    let [held, outliving, best]: [number, number, Way | undefined] = [0, 0, undefined]
    for (let start = e - 1, i = end; start >= -1; start--) {
      const from = start < 0 ? -1 : ends[start]
      for (; i > from; i--) {
        held += steps[i].bytes
        if (!isLast && steps[i].lastUse > end) outliving += steps[i].bytes
      }
      if (held > limit) break
      const before = start < 0 ? { kept: 0, largest: 0 } : ways[start]
      if (before === undefined) continue
      const kept = before.kept + outliving
      if (best === undefined || kept < best.kept)
        best = { kept, largest: Math.max(before.largest, held), from: start }
    }
    ways.push(best)
  })
  const found = ways.at(-1)
  if (found === undefined) return undefined
  const chosen: number[] = []
  for (let at = found.from; at >= 0; at = ways[at]?.from ?? -1) chosen.unshift(ends[at])
  return { places: chosen, kept: found.kept, largest: found.largest }
}

/** More places than this are not looked at: graphs have far fewer blocks. */
const mostPlaces = 400

/**
 * Cuts a graph at its narrow places, so that little has to be kept between segments and no segment is large: what is kept and the
 * largest segment together are made as small as possible (Chen et al. 2016, arXiv 1604.06174, section 4.2, where that gives √n
 * segments of a chain of n layers; here lengths are bytes, and skip connections count in every segment they cross).
 *
 * @param order inputs before users, with lengths that are numbers
 * @param most at most so many segments; default: as many as are best
 * @example
 * const x = input('x', 'float32', [8, 64])
 * const { count } = segments(topological([tanh(matMul(tanh(x), parameter('w', float32([64, 64], new Float32Array(4096)))))]))
 */
export const segments = (order: ReadonlyArray<Node>, most = Infinity): Segments => {
  const steps = stepsOf(order)
  const total = steps.reduce((sum, { bytes }) => sum + bytes, 0)
  const places = narrow(steps, mostPlaces)
  let best: Cuts = { places: [], kept: 0, largest: total }
  // Segments of ever fewer bytes, until there is no such cut.
  for (let limit = total; limit > 0; limit *= 0.9) {
    const cuts = cutsBelow(steps, places, limit)
    if (cuts === undefined || cuts.places.length + 1 > most) break
    if (cuts.kept + cuts.largest < best.kept + best.largest) best = cuts
  }
  const numbers = new Map(
    order.map((node, i) => [node, best.places.filter((end) => end < i).length] as const),
  )
  return { count: best.places.length + 1, of: (node) => numbers.get(node) ?? 0 }
}
