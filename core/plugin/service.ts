import type { EventEmitter } from 'node:events'
import type { BulkTable, BulkTableSpec } from '../database/bulk-writer.ts'
import { OpsError } from '../errors.ts'
import type { ApiCallsApi } from '../http/client/api-log.ts'
import type { GatewayEvents } from '../telegram/gateway.ts'
import type { Authenticator as AuthenticatorApi, Authorizer as AuthorizerApi } from './access.ts'
import type { CardsApi } from './cards/service.ts'
import type { Plugins as PluginsApi } from './catalog/plugins.ts'
import type { ChatsApi } from './chats/service.ts'
import type { LogsApi } from './logs/desk.ts'
import type { DeadLettersApi } from './offered/dead-letters.ts'
import type { JobsApi } from './offered/jobs.ts'
import type { MaintenanceApi } from './offered/maintenance.ts'
import type { OutboxApi } from './offered/outbox.ts'
import type { OverviewApi } from './offered/overview.ts'
import type { TimingsApi } from './offered/timings.ts'
import type { PersonalDataApi } from './personal/personal-data.ts'

/**
 * A typed name by which one plugin (or the core) offers something to others. Two tokens are the
 * same when name and major version are; never by reference, because a bundle copies what it imports.
 */
export interface ServiceToken<T> {
  readonly name: string
  readonly major: number
  /** Its consumer can do without. */
  readonly optional?: true
  /** Carries the type only; contravariant, so that `provides` accepts what satisfies T. */
  readonly accepts?: (value: T) => void
}

/** What a plugin gets for the tokens of its `uses`. */
export type Used<U> = {
  readonly [K in keyof U]: U[K] extends ServiceToken<infer T>
    ? U[K] extends { readonly optional: true }
      ? T | undefined
      : T
    : never
}

/** A token that its consumer can do without: `ctx.use` then holds undefined while nobody provides it. */
export type OptionalToken<T> = ServiceToken<T> & { readonly optional: true }

/**
 * A token for a service of one's own, to be exported by the plugin's `api.ts`. The major version is
 * raised when consumers have to change.
 */
export function service<T>(name: string, major: number): ServiceToken<T> {
  if (name.startsWith(corePrefix)) {
    throw new OpsError('OPS_PLUGIN_SERVICE', `The service name "${name}" is the core's`)
  }
  return Object.freeze({ name, major })
}

/** In `uses`: the plugin serves with and without it. */
export function optional<T>(token: ServiceToken<T>): OptionalToken<T> {
  return Object.freeze({ ...token, optional: true as const })
}

const corePrefix = 'opsgram.'

function token<T>(name: string, major: number): ServiceToken<T> {
  return Object.freeze({ name: `${corePrefix}${name}`, major })
}

/** Who an update comes from. Exactly one plugin provides it; while none is live, every update is refused. */
export const Authenticator: ServiceToken<AuthenticatorApi> = token('authenticator', 1)

/** Who may do what. Exactly one plugin provides it; while none is live, every update is refused. */
export const Authorizer: ServiceToken<AuthorizerApi> = token('authorizer', 1)

/** The core's own view of all plugins: states, commands, reload. Provided by the core. */
export const Plugins: ServiceToken<PluginsApi> = token('plugins', 1)

/** Bounded bulk writes for high-rate logs. Tables are released with the scope. Provided by the core. */
export const BulkWriter: ServiceToken<{ table(spec: BulkTableSpec): BulkTable }> = token(
  'bulk-writer',
  1,
)

/** Every finished call to Telegram, as event `call`. Listen with `scope.listen`. Provided by the core. */
export const Traffic: ServiceToken<EventEmitter<GatewayEvents>> = token('traffic', 1)

/** Updates that were put aside because they could not be handled. Provided by the core. */
export const DeadLetters: ServiceToken<DeadLettersApi> = token('dead-letters', 1)

/** Messages that must not be lost: to be written outside of handlers, shown, sent again. Provided by the core. */
export const Outbox: ServiceToken<OutboxApi> = token('outbox', 1)

/** Messages whose first press decides, to all who may. Provided by the core. */
export const Cards: ServiceToken<CardsApi> = token('cards', 1)

/** What was decided for single chats: language, time, plugins that are silent there. Provided by the core. */
export const Chats: ServiceToken<ChatsApi> = token('chats', 1)

/** What the bot keeps about people, to be shown and erased. Provided by the core. */
export const PersonalData: ServiceToken<PersonalDataApi> = token('personal-data', 1)

/** Pause and resume: updates wait meanwhile. Provided by the core. */
export const Maintenance: ServiceToken<MaintenanceApi> = token('maintenance', 1)
/** Jobs of all plugins: how many there are, what runs, what died. Provided by the core. */
export const Jobs: ServiceToken<JobsApi> = token('jobs', 1)

/** How much is logged, and what is known of errors under their ids. Provided by the core. */
export const Logs: ServiceToken<LogsApi> = token('logs', 1)

/** Calls of plugins to other services, as they are on record. Provided by the core. */
export const ApiCalls: ServiceToken<ApiCallsApi> = token('api-calls', 1)

/** How long updates, handlers and queries take. Provided by the core. */
export const Timings: ServiceToken<TimingsApi> = token('timings', 1)

/** How the bot as a whole is: its parts, instances, what waits. Provided by the core. */
export const Overview: ServiceToken<OverviewApi> = token('overview', 1)

/** The core's settings that plugins may see. Provided by the core. */
export const Settings: ServiceToken<CoreSettings> = token('settings', 1)

/** What the environment says that plugins may know. */
export interface CoreSettings {
  /** Telegram ids of the people who are always owners. */
  readonly ownerIds: readonly number[]
  /** `preset`: only people whom somebody added; `request`: strangers may ask. */
  readonly access: 'preset' | 'request'
  readonly defaultLanguage: string
  /** IANA name. */
  readonly defaultTimeZone: string
  /** False: owners get no unasked messages. */
  readonly notices: boolean
  /** Folder for what is kept on this machine: absolute. A plugin puts its own into a folder named like it. */
  readonly dataDir: string
  /** Without a bot token everything happens in the playground. */
  readonly playground: boolean
}

/** The tokens that the core itself provides: no plugin may. */
export const coreTokens: readonly ServiceToken<never>[] = [
  Plugins,
  BulkWriter,
  Traffic,
  DeadLetters,
  Outbox,
  Cards,
  Chats,
  Maintenance,
  PersonalData,
  Jobs,
  Logs,
  ApiCalls,
  Timings,
  Overview,
  Settings,
]

export function sameToken(a: ServiceToken<never>, b: ServiceToken<never>): boolean {
  return a.name === b.name && a.major === b.major
}
