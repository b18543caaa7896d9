/**
 * Rooted trees index the order conditions of Runge–Kutta methods: one condition per tree, and order p needs those of all trees
 * with at most p vertices. Source: Butcher 2016, sections 300–315.
 */
export type RootedTree = {
  readonly branches: ReadonlyArray<RootedTree>
  /** The number of vertices. */
  readonly size: number
  /** γ: the size times the densities of the branches. The condition is b·Φ(tree) = 1/γ. */
  readonly density: number
}

const grown = (branches: ReadonlyArray<RootedTree>): RootedTree => {
  const size = 1 + branches.reduce((total, branch) => total + branch.size, 0)
  return { branches, size, density: branches.reduce((product, branch) => product * branch.density, size) }
}

/** Multisets of trees with `vertices` vertices in all, trees taken from `from` onwards in the list of all smaller trees. */
const forests = (
  vertices: number,
  trees: ReadonlyArray<RootedTree>,
  from = 0,
): ReadonlyArray<ReadonlyArray<RootedTree>> =>
  vertices === 0
    ? [[]]
    : trees.flatMap((tree, i) =>
        i < from || tree.size > vertices
          ? []
          : forests(vertices - tree.size, trees, i).map((rest) => [tree, ...rest]),
      )

/**
 * All rooted trees with exactly this many vertices: 1, 1, 2, 4, 9, 20 for 1 … 6.
 *
 * @example
 * const conditionsOfOrderFour = rootedTrees(4) // 4 trees
 */
export const rootedTrees = (vertices: number): ReadonlyArray<RootedTree> => {
  const smaller: Array<RootedTree> = []
  for (let size = 1; size < vertices; size++) smaller.push(...forests(size - 1, smaller).map(grown))
  return forests(vertices - 1, smaller).map(grown)
}
