import type {
  CardsApi,
  CoreSettings,
  OutboxApi,
  PermissionDeclaration,
  PersonalDataApi,
  PluginsApi,
  Scope,
} from 'opsgram'
import { z } from 'zod'
import { keepNoLonger } from './data/retention.ts'
import { Expiry } from './expiry/expiry.ts'
import { ActorRights } from './gate/actor-rights.ts'
import { createAuthenticator } from './gate/authenticator.ts'
import { createAuthorizer } from './gate/authorizer.ts'
import { Owners } from './gate/owners.ts'
import { PersonRows } from './gate/person-row.ts'
import { Profiles } from './gate/profile.ts'
import { Strangers } from './gate/strangers.ts'
import { Requests } from './requests/requests.ts'
import { holdersOf } from './rights/judges.ts'

export const authConfig = z.object({
  /** Refused updates within 10 minutes after which a stranger is blocked. */
  blockAfter: z.coerce.number().int().min(1).max(1000).default(5),
  /** Days that strangers are kept who never came in. */
  strangerDays: z.coerce.number().int().min(1).max(36_500).default(365),
  /** Days that the audit log is kept; absent: for ever. */
  auditDays: z.coerce.number().int().min(1).max(36_500).optional(),
})

interface Uses {
  readonly settings: CoreSettings
  readonly plugins: PluginsApi
  readonly cards: CardsApi
  readonly outbox: OutboxApi
  readonly personal: PersonalDataApi
}

/** Puts the gate together, and begins what the clock brings: requests, expiries, retention. */
export async function openAuth(scope: Scope<z.output<typeof authConfig>, Uses>) {
  const { log, config, use } = scope
  const { settings, plugins, cards, outbox } = use
  const em = () => scope.em()
  const owners = new Owners({ ids: settings.ownerIds, em, log })
  await owners.sync()
  const profiles = new Profiles({ em, log })
  scope.onDispose(() => profiles.idle())
  const texts = (language?: string) => scope.texts(language)
  const now = () => scope.now().getTime()
  const rights = new ActorRights()
  const rows = new PersonRows({ em, isOwner: (telegramId) => owners.has(telegramId) })
  const strangers = new Strangers({
    em,
    blockAfter: config.blockAfter,
    texts,
    access: settings.access,
    log,
  })
  const holders = (permission: PermissionDeclaration) =>
    holdersOf(permission, { em: em(), rows, ownerIds: settings.ownerIds, now: now() })
  const judges = async () => {
    const users = plugins.declared().find(({ name }) => name === 'auth.users')
    if (users === undefined) return settings.ownerIds
    return holders(users)
  }
  const parts = { em, owners, cards, outbox, judges, texts, settings, now: () => scope.now() }
  const requests = new Requests(parts)
  const expiry = new Expiry(parts)
  const retention = (signal: AbortSignal) => {
    const { auditDays, strangerDays } = config
    const { personal } = use
    const parts = { em, personal, auditDays, strangerDays, now: () => scope.now(), log }
    return keepNoLonger(parts, signal)
  }
  scope.timeout(10 * 60_000, retention)
  scope.interval(24 * 3_600_000, retention)
  scope.timeout(0, () => requests.show())
  scope.interval(60_000, async () => {
    await requests.show()
    await expiry.pass()
  })
  return {
    authenticator: createAuthenticator({
      em,
      rows,
      owners,
      rights,
      strangers,
      profiles,
      texts,
      now,
    }),
    authorizer: createAuthorizer({ rows, rights, holders, now }),
    owners,
    rows,
    rights,
    requests,
    em,
  }
}
