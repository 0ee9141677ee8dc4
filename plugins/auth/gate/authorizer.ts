import type { AuthorizerApi } from 'opsgram'

/**
 * Owners may do everything; any other role what permissions name it for. Roles don't imply each
 * other: what an operator may, an admin may only where the permission lists both.
 */
export const authorizer: AuthorizerApi = {
  async permissionsOf({ role }) {
    if (role === 'owner') return () => true
    return (permission) => permission.roles.includes(role)
  },
}
