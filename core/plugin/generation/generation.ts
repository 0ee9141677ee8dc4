import { type EntityManager, forkForUpdate, type Orm } from '../../database/orm.ts'
import type { Authenticator, Authorizer } from '../access.ts'
import { type Baseline, type Unapproved, unapprovedOf } from '../opening/guarded.ts'
import type { Missing } from '../reload/dependencies.ts'
import {
  Authenticator as AuthenticatorToken,
  Authorizer as AuthorizerToken,
  type ServiceToken,
  sameToken,
} from '../service.ts'
import type { LoadedPlugin } from './loaded.ts'
import { composeRoutes, type Routes } from './routes.ts'

/** A plugin that doesn't serve for want of another. */
export interface WaitingPlugin {
  /** Plugins or services that are not there. */
  readonly missing: Missing
  /** The set-up version that returns as it is; undefined when it was never set up. */
  readonly plugin: LoadedPlugin | undefined
}

/** An exclusive plugin that is being replaced: its updates wait. */
export interface HeldPlugin {
  /** The version that was taken out of service; for its routes only, it may be disposed. */
  readonly plugin: LoadedPlugin
  readonly until: Promise<void>
}

/** A plugin whose handlers are not run, because they failed again and again. */
export interface Quarantine {
  /** Code of the last failure. */
  readonly code: string
  /** What the person was told it is on record as. */
  readonly errorId: string
  /** Of all the failures that it was quarantined for. */
  readonly errorIds: readonly string[]
}

/** An immutable snapshot of all live plugins: what one update is handled by, from begin to end. */
export interface Generation {
  /** Grows with every commit. */
  readonly id: number
  readonly plugins: ReadonlyMap<string, LoadedPlugin>
  readonly waiting: ReadonlyMap<string, WaitingPlugin>
  readonly held: ReadonlyMap<string, HeldPlugin>
  /** Live plugins whose handlers are not run; their services and middleware are. */
  readonly quarantined: ReadonlyMap<string, Quarantine>
  /** While a plugin that guards every update is being replaced, every update waits for this. */
  readonly closed: Promise<void> | undefined
  /** As declared: what owners have. */
  readonly routes: Routes
  /** What was accepted of the plugins' access. */
  readonly accepted: Baseline
  /** What waits for an owner's approval, and the routes of everybody else meanwhile. */
  readonly unapproved: Unapproved
  readonly orm: Orm
  /** Undefined while no plugin provides it: then every update is refused. */
  readonly authenticator: Authenticator | undefined
  readonly authorizer: Authorizer | undefined
  /** What a plugin of this generation gets as `ctx.use`: the providers are of this generation too. */
  useOf(plugin: string): Readonly<Record<string, unknown>>
  /** A new unit of work for one update. */
  em(): EntityManager
}

export interface GenerationParts {
  id: number
  plugins: ReadonlyMap<string, LoadedPlugin>
  waiting: ReadonlyMap<string, WaitingPlugin>
  held: ReadonlyMap<string, HeldPlugin>
  quarantined: ReadonlyMap<string, Quarantine>
  accepted: Baseline
  orm: Orm
}

export function composeGeneration({
  id,
  plugins,
  waiting,
  held,
  quarantined,
  accepted,
  orm,
}: GenerationParts): Generation {
  const all = [...plugins.values()]
  const heldBack = [...held.values()].map(({ plugin }) => plugin)
  const routes = composeRoutes(all, heldBack)
  const use = new Map(all.map((plugin) => [plugin.name, servicesFor(plugin, all)]))
  return {
    id,
    plugins,
    waiting,
    held,
    quarantined,
    closed: [...held.values()].find(({ plugin }) => isGuard(plugin))?.until,
    routes,
    accepted,
    unapproved: unapprovedOf([...all, ...heldBack], accepted, routes),
    orm,
    authenticator: provided(all, AuthenticatorToken),
    authorizer: provided(all, AuthorizerToken),
    useOf: (name) => use.get(name) ?? {},
    em: () => forkForUpdate(orm),
  }
}

/** Nothing may pass a guard that isn't there: it lets people in, or stands in the way of every update. */
export function isGuard({ provides, middleware }: LoadedPlugin): boolean {
  const guards = [AuthenticatorToken, AuthorizerToken]
  return (
    middleware.some(({ phase }) => phase !== 'observe') ||
    [...provides.values()].some((token) => guards.some((guard) => sameToken(guard, token)))
  )
}

/** Every set-up version that a generation keeps alive, serving or waiting. */
export function instancesOf(generation: Generation): readonly LoadedPlugin[] {
  const parked = [...generation.waiting.values()].flatMap(({ plugin }) => plugin ?? [])
  return [...generation.plugins.values(), ...parked]
}

/** What the provider's `setup` returned for a token; undefined when none of the plugins provides it. */
export function provided<T>(
  plugins: readonly LoadedPlugin[],
  token: ServiceToken<T>,
): T | undefined {
  for (const { provides, result } of plugins) {
    for (const [key, offered] of provides) {
      // `provides` was typed against the token when the plugin was written, and checked at set-up
      if (sameToken(offered, token)) return (result as Record<string, T>)[key]
    }
  }
  return undefined
}

function servicesFor(
  plugin: LoadedPlugin,
  all: readonly LoadedPlugin[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...plugin.uses].map(([key, token]) => [
      key,
      plugin.coreServices.get(key) ?? provided(all, token),
    ]),
  )
}
