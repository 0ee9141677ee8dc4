import { ulid } from 'ulid'
import type { Queries } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'
import { type ActiveUser, isOwner, type PermissionDeclaration } from '../../plugin/access.ts'
import type { Generation } from '../../plugin/generation/generation.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { HttpRoute } from '../../plugin/manifest/route.ts'
import type { BucketLimit, Store } from '../../store/store.ts'
import { refused } from './answers.ts'

/** Who sends a request, as the live plugins that guard the bot see them. */
export interface Bearer {
  readonly user: ActiveUser
  /** The token's id, which is no secret. */
  readonly token: string
  readonly may: (permission: PermissionDeclaration) => boolean
}

export interface AdmissionOptions {
  store: Pick<Store, 'take'>
  database: Queries
  log: Logger
}

/** Wrong tokens from one address: so many at once, then one in three seconds. */
const failures = { capacity: 20, perSecond: 1 / 3 }
/** Refusals of one person or address that are put on record: so many at once, then one a minute. */
const records = { capacity: 10, perSecond: 1 / 60 }
/** Addresses that are remembered as having tried too often. */
const mostAddresses = 10_000

/**
 * Decides whether a request is let in, by the same two plugins that let updates in. Fails closed: without them, or
 * while one is replaced or waits for approval, nobody is.
 */
export class Admission {
  readonly #options: AdmissionOptions
  /** When an address that tried too often may try again, as `performance.now()`. */
  readonly #closedUntil = new Map<string, number>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  /** @throws OPS_ROUTE_NO_GATE, OPS_BEARER_REFUSED, OPS_BEARER_FAILURES; what the guards throw */
  async enter(
    generation: Generation,
    { authorization, ip }: { authorization: string | undefined; ip: string },
  ): Promise<Bearer> {
    const { authenticator, authorizer, closed, unapproved } = generation
    if (closed !== undefined) {
      throw refused('OPS_ROUTE_NO_GATE', 'The plugin that decides who is let in is being replaced')
    }
    if (authenticator?.bearer === undefined || authorizer === undefined) {
      throw refused('OPS_ROUTE_NO_GATE', 'No live plugin decides who is let in')
    }
    if (unapproved.guard !== undefined) {
      const text = `Plugin ${unapproved.guard}, which decides who is let in, waits for an owner’s approval`
      throw refused('OPS_ROUTE_NO_GATE', text)
    }
    this.#checkFailures(ip)
    const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    const found = token === undefined ? undefined : await authenticator.bearer(token)
    if (found === undefined) {
      // whoever sends none has not tried anything
      if (authorization !== undefined) await this.#failed(ip)
      throw refused('OPS_BEARER_REFUSED', 'The request has no token that is known and valid')
    }
    const may = await authorizer.permissionsOf(found.user, {})
    return { ...found, may }
  }

  /** Puts on record that somebody was refused; at a bounded rate. Never rejects. */
  async record(
    who: { user: ActiveUser; token: string } | { ip: string },
    refusal: { plugin: string | null; route: string; reason: string },
  ): Promise<void> {
    const { database, log } = this.#options
    const user = 'user' in who ? who.user : undefined
    const after = 'user' in who ? { token: who.token } : { ip: who.ip }
    const { plugin, route, reason } = refusal
    log.warn('api.refused', { plugin, route, reason, userId: user?.telegramId, ...after })
    if (await this.#isOver(`api:record:${user?.telegramId ?? after.ip}`, records)) return
    try {
      await database.query(
        `insert into audit_log (id, actor_id, actor_name, plugin, action, outcome, reason, after, created_at)
         values ($1, $2, $3, $4, $5, 'refused', $6, $7, now())`,
        [
          ulid(),
          user?.telegramId ?? null,
          user?.name ?? null,
          plugin,
          `api.${route}`.slice(0, 200),
          reason,
          JSON.stringify(after),
        ],
      )
    } catch (error) {
      log.error('api.refusal-not-saved', { error })
    }
  }

  #checkFailures(ip: string): void {
    const waitMs = (this.#closedUntil.get(ip) ?? 0) - performance.now()
    if (waitMs > 0) throw refused('OPS_BEARER_FAILURES', 'Too many wrong tokens', waitMs)
    this.#closedUntil.delete(ip)
  }

  async #failed(ip: string): Promise<void> {
    const waitMs = await this.#options.store.take([{ key: `api:failed:${ip}`, ...failures }])
    if (waitMs <= 0) return
    if (this.#closedUntil.size >= mostAddresses) this.#closedUntil.clear()
    this.#closedUntil.set(ip, performance.now() + waitMs)
    throw refused('OPS_BEARER_FAILURES', 'Too many wrong tokens', waitMs)
  }

  async #isOver(key: string, limit: Omit<BucketLimit, 'key'>): Promise<boolean> {
    return (await this.#options.store.take([{ key, ...limit }])) > 0
  }
}

/** Whether somebody may use a route: as declared, and as it was before what waits for an owner's approval. */
export function mayUse(route: HttpRoute, generation: Generation, { user, may }: Bearer): boolean {
  const { routes, unapproved } = generation
  const former = isOwner(user) ? undefined : unapproved.former.get(route)
  if (former?.closed === true) return false
  const { permissions } = isOwner(user) ? routes : unapproved.guarded
  return [route.permission, former?.permission ?? undefined].every((name) => {
    if (name === undefined) return true
    const declaration = permissions.get(name)
    return declaration !== undefined && may(declaration)
  })
}

/** The live plugin of an address. @throws OPS_ROUTE_AWAY, OPS_ROUTE_UNKNOWN */
export function pluginOf(generation: Generation, name: string): PluginInstance {
  const { plugins, waiting, held, quarantined } = generation
  if (quarantined.has(name)) {
    throw refused('OPS_ROUTE_AWAY', `Plugin ${name} failed again and again, and is out of service`)
  }
  const instance = plugins.get(name)
  if (instance !== undefined && instance.routes.length > 0) return instance
  if (instance === undefined && waiting.has(name)) {
    throw refused('OPS_ROUTE_AWAY', `Plugin ${name} waits for another plugin`)
  }
  if (instance === undefined && held.has(name)) {
    throw refused('OPS_ROUTE_AWAY', `Plugin ${name} is being replaced`)
  }
  throw refused('OPS_ROUTE_UNKNOWN', `No live plugin ${JSON.stringify(name)} has routes`)
}
