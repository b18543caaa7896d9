import { size } from '../../types/index.js'
import type { Doubts } from '../graph.js'
import type { Declarations } from './declarations.js'
import type { InitializerRole, InitializerRoles } from './initializer-role.js'

/** Parameters that are no weights under their names any more, or of which others were computed that are. */
const lostOf = (
  { declared, aliases, sourcesOf, optimised }: Declarations,
  weights: ReadonlyArray<readonly [stored: string, name: string]>,
): ReadonlyArray<string> => {
  if (!optimised) return []
  const names = new Set(weights.map(([, name]) => name))
  const copied = new Set(
    weights.flatMap(([stored, name]) => sourcesOf(stored)?.filter((source) => source !== name) ?? []),
  )
  return [...new Set(aliases.values())].filter(
    (name) => declared.get(name) === 'weight' && (!names.has(name) || copied.has(name)),
  )
}

/**
 * The same roles, and what is doubtful about those that were asked for.
 *
 * @param held names of floats that are constants in the file and might be weights
 * @example
 * declare const roles: file.InitializerRoles, declarations: file.Declarations
 * const { doubts } = file.doubting(roles, declarations)
 */
export const doubting = (
  roles: InitializerRoles,
  declarations: Declarations,
  held: ReadonlyArray<string> = [],
): { readonly roles: InitializerRoles; readonly doubts: () => Doubts } => {
  const given: { readonly stored: string; readonly many: boolean; readonly role: InitializerRole }[] = []
  return {
    roles: {
      of: (stored, tensor) => {
        const role = roles.of(stored, tensor)
        given.push({ stored, many: size(tensor.dims) > 1, role })
        return role
      },
    },
    doubts: () => ({
      guessed: [
        ...given.flatMap(({ stored, many, role }) =>
          many && role.kind === 'constant' && role.guessed ? [stored] : [],
        ),
        ...held,
      ],
      lost: lostOf(
        declarations,
        given.flatMap(({ stored, role }) => (role.kind === 'weight' ? [[stored, role.name] as const] : [])),
      ),
    }),
  }
}
