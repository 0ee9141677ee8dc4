/** Highest first. `owner` is never stored as a grant: it comes from ADMIN_IDS alone. */
export const roles = ['owner', 'admin', 'operator', 'guest'] as const

const highestFirst: readonly string[] = roles

/** Roles that come with the bot and can be given. */
export const givenRoles = ['admin', 'operator', 'guest'] as const
export const builtInRoles: ReadonlySet<string> = new Set(givenRoles)

/** How far a role stands below the highest; unknown ones, of a later version say, stand lowest. */
function distanceFromTop(role: string): number {
  const index = highestFirst.indexOf(role)
  return index === -1 ? roles.length : index
}

/** Whether the first role stands strictly above the second. Roles made here stand where their base does. */
export function isAbove(role: string, other: string): boolean {
  return distanceFromTop(role) < distanceFromTop(other)
}
