import type { Queries } from '../database/connection.ts'
import type { Logger } from '../log/logger.ts'
import type { MaintenanceApi, Pause } from '../plugin/offered/maintenance.ts'
import type { Store } from '../store/store.ts'
import type { InboxItem } from './inbox/item.ts'
import { commandWord } from './router.ts'

export interface MaintenanceOptions {
  readonly database: Queries
  readonly botId: number
  readonly store: Pick<Store, 'publish' | 'subscribe'>
  readonly log: Logger
}

const topic = 'maintenance'
/** What owners may use meanwhile: to look, and to end it. */
const passingWords: ReadonlySet<string> = new Set(['pause', 'resume', 'plugins'])
/** A word about it may be lost, ms. */
const lookEveryMs = 5_000

/** Maintenance mode: while the bot is paused its updates wait in the inbox, on all instances and over restarts. */
export class Maintenance implements MaintenanceApi {
  readonly #options: MaintenanceOptions
  #pause: Pause | undefined
  #changed: (pause: Pause | undefined) => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  get current(): Pause | undefined {
    return this.#pause
  }

  /** Reads how it is and follows it from then on. @param changed called at once if it is paused */
  async start(changed: (pause: Pause | undefined) => void): Promise<void> {
    const { store, log } = this.#options
    this.#changed = changed
    await this.#look()
    this.#unsubscribe = store.subscribe(topic, () => this.#look())
    this.#timer = setInterval(() => {
      this.#look().catch((error: unknown) => log.debug('maintenance.not-looked', { error }))
    }, lookEveryMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#unsubscribe?.()
  }

  async pause(by: { telegramId: number; name: string }): Promise<Pause | undefined> {
    const { database, botId } = this.#options
    const before = this.#pause
    await database.query(
      'insert into pauses (bot_id, by_id, by_name) values ($1, $2, $3) on conflict do nothing',
      [botId, by.telegramId, by.name],
    )
    await this.#tell()
    return before
  }

  async resume(): Promise<Pause | undefined> {
    const { database, botId } = this.#options
    const before = this.#pause
    await database.query('delete from pauses where bot_id = $1', [botId])
    await this.#tell()
    return before
  }

  async #tell(): Promise<void> {
    await this.#look()
    await this.#options.store.publish(topic)
  }

  async #look(): Promise<void> {
    const { database, botId, log } = this.#options
    const [row] = await database.query<{ by_id: number; by_name: string; since: string }>(
      'select by_id, by_name, since from pauses where bot_id = $1',
      [botId],
    )
    const wasPaused = this.#pause !== undefined
    this.#pause = row && { by: row.by_id, name: row.by_name, since: new Date(row.since) }
    const isPaused = this.#pause !== undefined
    if (isPaused === wasPaused) return
    log.info(isPaused ? 'app.paused' : 'app.resumed', { by: this.#pause?.by })
    this.#changed(this.#pause)
  }
}

/** Whether an update is handled while the bot is paused: an owner's command about just that. */
export function passesPause(
  { update, facts }: InboxItem,
  ownerIds: readonly number[],
  botUsername: string,
): boolean {
  const { userId, senderChatId } = facts
  if (userId === undefined || senderChatId !== undefined || !ownerIds.includes(userId)) return false
  return passingWords.has(commandWord(update, facts, botUsername) ?? '')
}
