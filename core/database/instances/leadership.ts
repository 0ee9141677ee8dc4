import type { Logger } from '../../log/logger.ts'
import type { ServerSession } from '../session.ts'
import type { Beat, Presence } from './presence.ts'

export interface LeadershipOptions {
  session: Pick<ServerSession, 'query'>
  presence: Presence
  log: Logger
}

/** What one instance alone does: fetch updates, set menus and the webhook. */
const name = 'leader'
/** How often it is looked whether the lease still holds when no beat comes through, ms. */
const watchMs = 100

/**
 * Whether this instance is the one that does what must not be done twice. The others stand by; when its row in
 * `instances` goes the next one takes over.
 */
export class Leadership {
  readonly #options: LeadershipOptions
  readonly #listeners: ((leads: boolean) => void)[] = []
  #owns = false
  #told = false
  #resigned = false
  #watch: NodeJS.Timeout | undefined

  constructor(options: LeadershipOptions) {
    this.#options = options
  }

  /** Whether this instance leads, and no other can have taken over. */
  get leads(): boolean {
    return this.#owns && this.#options.presence.isSure
  }

  /** Called when that changes. */
  onChange(listener: (leads: boolean) => void): void {
    this.#listeners.push(listener)
  }

  /** Takes the lead if nobody has it, and from now on whenever it becomes free. */
  async start(): Promise<void> {
    const { session, presence } = this.#options
    await session.query('insert into leases (name) values ($1) on conflict do nothing', [name])
    presence.onBeat((beat) => this.#onBeat(beat))
    await presence.beat()
    // without an answer from the database it ends by the clock
    this.#watch = setInterval(() => this.#tell(), watchMs)
    this.#watch.unref()
  }

  /** Leaves the lead to the others. */
  async resign(): Promise<void> {
    this.#resigned = true
    clearInterval(this.#watch)
    if (!this.#owns) return
    this.#owns = false
    this.#tell()
    const { session, presence, log } = this.#options
    await session
      .query('update leases set owner = null where name = $1 and owner = $2', [name, presence.id])
      // with the row in `instances` it is free as well
      .catch((error: unknown) => log.debug('instance.not-resigned', { error }))
  }

  async #onBeat({ kept }: Beat): Promise<void> {
    const { session, presence } = this.#options
    if (!kept) this.#owns = false
    if (!this.#resigned) {
      const [row] = await session.query<{ owner: string | null }>(
        'select owner from leases where name = $1',
        [name],
      )
      const owner = row?.owner ?? (await this.#take())
      this.#owns = owner === presence.id
    }
    this.#tell()
  }

  /** @returns the owner, if it could be taken */
  async #take(): Promise<string | undefined> {
    const { session, presence } = this.#options
    const [row] = await session.query<{ owner: string }>(
      'update leases set owner = $2 where name = $1 and owner is null returning owner',
      [name, presence.id],
    )
    return row?.owner
  }

  #tell(): void {
    const { leads } = this
    if (leads === this.#told) return
    this.#told = leads
    this.#options.log.info(leads ? 'instance.leads' : 'instance.stands-by')
    for (const listener of this.#listeners) listener(leads)
  }
}
