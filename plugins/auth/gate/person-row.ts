import type { EntityManager } from 'opsgram'
import { z } from 'zod'
import type { Rights } from '../rights/decide.ts'
import { GrantIndex, grantColumns, grantSchema, noGrants } from '../rights/grants.ts'
import { builtInRoles } from '../roles.ts'

const rowSchema = z.object({
  id: z.string(),
  telegram_id: z.coerce.number(),
  /** As the inbox names the state of a person's rights. */
  epoch: z.string(),
  username: z.string().nullable(),
  first_name: z.string().nullable(),
  last_name: z.string().nullable(),
  language: z.string().nullable(),
  /** The person's choice, above what Telegram says. */
  chosen_language: z.string().nullable(),
  time_zone: z.string().nullable(),
  role: z.string(),
  /** Of a role that was made here. */
  base: z.string().nullable(),
  status: z.enum(['active', 'pending', 'blocked']),
  metadata: z.unknown(),
  /** When their access ends, Unix time, ms. */
  until: z.coerce.number().nullable(),
  /** Owners froze the bot for everybody else. */
  locked: z.boolean(),
  /** Grants as text: `role_grants` is the same for all people of a role, and kept once. */
  own_grants: z.string().nullable(),
  role_grants: z.string().nullable(),
  /** `last_seen_at` is a minute old or was never written. */
  stale: z.boolean(),
  /** The database's clock, Unix seconds: the same one for every process. */
  now: z.coerce.number(),
})

const lockSchema = rowSchema.pick({ locked: true })

/** A person's row as the gate reads it, with all that decides what they may do. */
export type PersonRow = Omit<z.output<typeof rowSchema>, 'base' | 'own_grants' | 'role_grants'> & {
  readonly rights: Rights
}

const columns = `b.id, b.telegram_id, b.id || ':' || b.auth_epoch as epoch, username, first_name, last_name, language,
  chosen_language, time_zone, b.role, status, metadata,
  floor(extract(epoch from access_until) * 1000)::bigint as until,
  (select base from access_roles where name = b.role) as base,
  (select jsonb_agg(jsonb_build_object(${grantColumns}))::text from access_grants where person = b.telegram_id) as own_grants,
  (select jsonb_agg(jsonb_build_object(${grantColumns}) order by id)::text from access_grants where role = b.role) as role_grants,
  exists (select from access_lockdown) as locked,
  coalesce(last_seen_at < now() - interval '1 minute', true) as stale,
  floor(extract(epoch from now()))::bigint as now`

export interface PersonRowsParts {
  readonly em: () => EntityManager
  /** ADMIN_IDS: a stored `owner` is worth nothing. */
  readonly isOwner: (telegramId: number) => boolean
}

/** How many roles' grants are kept: they are the same for all people of a role. */
const maxShared = 200

/** Reads people with their rights. */
export class PersonRows {
  readonly #parts: PersonRowsParts
  readonly #shared = new Map<string, GrantIndex>()

  constructor(parts: PersonRowsParts) {
    this.#parts = parts
  }

  /** One statement, so that row, grants and epoch are of one moment. */
  async read(telegramId: number): Promise<PersonRow | undefined> {
    const [row] = await this.#parts
      .em()
      .execute<unknown[]>(`select ${columns} from bot_users b where telegram_id = ?`, [telegramId])
    return row === undefined ? undefined : this.#personOf(row)
  }

  /** Whether owners froze the bot, for those who have no row. */
  async isLocked(): Promise<boolean> {
    const rows = await this.#parts
      .em()
      .execute<unknown[]>('select exists (select from access_lockdown) as locked')
    return lockSchema.parse(rows[0]).locked
  }

  #personOf(given: unknown): PersonRow {
    const { base, own_grants, role_grants, ...row } = rowSchema.parse(given)
    const stored = row.role === 'owner' ? 'guest' : row.role
    const rights = {
      role: this.#parts.isOwner(row.telegram_id) ? 'owner' : stored,
      base: base ?? (builtInRoles.has(stored) ? stored : undefined),
      own: own_grants === null ? noGrants : indexOf(own_grants),
      ofRole: role_grants === null ? noGrants : this.#sharedIndex(role_grants),
    }
    return { ...row, rights }
  }

  #sharedIndex(text: string): GrantIndex {
    let index = this.#shared.get(text)
    if (index === undefined) {
      index = indexOf(text)
      if (this.#shared.size >= maxShared) this.#shared.clear()
      this.#shared.set(text, index)
    }
    return index
  }
}

function indexOf(text: string): GrantIndex {
  return new GrantIndex(z.array(grantSchema).parse(JSON.parse(text)))
}
