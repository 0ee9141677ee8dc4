import { type EntityManager, forkForUpdate, type Orm } from '../database/orm.ts'
import type { Authenticator, Authorizer } from './access.ts'
import type { LoadedPlugin } from './loaded.ts'
import { composeRoutes, type Routes } from './routes.ts'
import {
  Authenticator as AuthenticatorToken,
  Authorizer as AuthorizerToken,
  type ServiceToken,
  sameToken,
} from './service.ts'

/** An immutable snapshot of all live plugins: what one update is handled by, from begin to end. */
export interface Generation {
  /** Grows with every commit. */
  readonly id: number
  readonly plugins: ReadonlyMap<string, LoadedPlugin>
  readonly routes: Routes
  readonly orm: Orm
  /** Undefined while no plugin provides it: then every update is refused. */
  readonly authenticator: Authenticator | undefined
  readonly authorizer: Authorizer | undefined
  /** A new unit of work for one update. */
  em(): EntityManager
}

export function composeGeneration(
  id: number,
  plugins: ReadonlyMap<string, LoadedPlugin>,
  orm: Orm,
): Generation {
  return {
    id,
    plugins,
    routes: composeRoutes([...plugins.values()]),
    orm,
    authenticator: provided(plugins, AuthenticatorToken),
    authorizer: provided(plugins, AuthorizerToken),
    em: () => forkForUpdate(orm),
  }
}

function provided<T>(
  plugins: ReadonlyMap<string, LoadedPlugin>,
  token: ServiceToken<T>,
): T | undefined {
  for (const { provides, result } of plugins.values()) {
    for (const [key, offered] of provides) {
      // `provides` was typed against the token when the plugin was written, and checked at set-up
      if (sameToken(offered, token)) return (result as Record<string, T>)[key]
    }
  }
  return undefined
}
