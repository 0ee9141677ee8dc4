import { AuditEntry, BotUser, type EntityManager, type Logger } from 'opsgram'
import { readMetadata } from '../person-metadata.ts'
import type { PersonRow } from './person-row.ts'

export interface OwnersParts {
  /** ADMIN_IDS. */
  ids: readonly number[]
  em: () => EntityManager
  log: Logger
}

/** The people of ADMIN_IDS: owners whatever their rows say, so nobody can lock them out. */
export class Owners {
  readonly #ids: ReadonlySet<number>
  readonly #em: () => EntityManager
  readonly #log: Logger

  constructor({ ids, em, log }: OwnersParts) {
    this.#ids = new Set(ids)
    this.#em = em
    this.#log = log
  }

  has(telegramId: number): boolean {
    return this.#ids.has(telegramId)
  }

  /**
   * Makes the rows say what ADMIN_IDS says. Whose id was taken out is a guest if somebody had added
   * them, and else a stranger again: only ADMIN_IDS had let them in.
   */
  async sync(): Promise<void> {
    await this.#em().transactional(async (em) => {
      const ids = [...this.#ids]
      const known = await em.find(BotUser, {
        $or: [{ telegramId: { $in: ids } }, { role: 'owner' }],
      })
      const missing = new Set(ids)
      for (const person of known) {
        missing.delete(person.telegramId)
        if (!this.has(person.telegramId)) this.#demote(em, person)
        else if (person.role !== 'owner' || person.status !== 'active') this.#promote(em, person)
      }
      for (const telegramId of missing) {
        this.#promote(em, em.create(BotUser, { telegramId, metadata: {} }))
      }
    })
  }

  /** Makes the row of an owner whose row went missing while the bot ran. */
  async restore(
    telegramId: number,
    read: () => Promise<PersonRow | undefined>,
  ): Promise<PersonRow> {
    await this.sync()
    const row = await read()
    if (row === undefined) throw new Error(`the row of owner ${telegramId} can't be made`)
    return row
  }

  #promote(em: EntityManager, person: BotUser): void {
    const { stranger: _, ...metadata } = readMetadata(person.metadata)
    person.metadata = metadata
    this.#change(em, person, { role: 'owner', status: 'active' })
    person.blockedReason = null
    person.blockedAt = null
  }

  #demote(em: EntityManager, person: BotUser): void {
    const wasAdded = readMetadata(person.metadata).added !== undefined
    const status = person.status === 'active' && !wasAdded ? 'pending' : person.status
    this.#change(em, person, { role: 'guest', status })
  }

  #change(em: EntityManager, person: BotUser, after: Pick<BotUser, 'role' | 'status'>): void {
    const { telegramId } = person
    const before = { role: person.role, status: person.status }
    Object.assign(person, after)
    em.create(AuditEntry, {
      plugin: 'auth',
      action: 'users.role',
      target: `user:${telegramId}`,
      outcome: 'done',
      reason: 'ADMIN_IDS',
      before,
      after: { ...after },
    })
    this.#log.info('auth.owner-changed', { userId: telegramId, ...after })
  }
}
