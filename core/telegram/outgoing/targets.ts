import type { Database } from '../../database/connection.ts'
import type { Logger } from '../../log/logger.ts'

/** A chat that can't be written to. */
export interface DeadTarget {
  readonly chatId: number
  /** Telegram's words. */
  readonly reason: string
  readonly since: Date
}

/** What the gateway asks and tells about the chats it writes to. */
export interface Targets {
  /** Why unasked messages to this chat are not worth sending; undefined when they are. */
  deadReason(chatId: number): string | undefined
  /** Telegram said that the chat can't be written to. */
  died(chatId: number, reason: string): void
}

interface Row {
  chat_id: number | string
  reason: string
  since: Date | string
}

/** How often the marks of other processes are looked at, and what couldn't be written is tried again. */
const refreshMs = 10_000

/**
 * The chats that blocked the bot, threw it out or don't exist: bulk messages skip them, answers are
 * still tried, and any update from one takes its mark away. Kept in the database for all processes.
 */
export class DeadTargets implements Targets {
  readonly #database: Pick<Database, 'query'>
  readonly #log: Logger
  readonly #dead = new Map<number, { reason: string; since: Date }>()
  /** Not yet written: whether the chat is dead now. */
  readonly #unsaved = new Set<number>()
  #work: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  constructor({ database, log }: { database: Pick<Database, 'query'>; log: Logger }) {
    this.#database = database
    this.#log = log
  }

  /** Reads the marks; goes on reading what other processes mark. */
  async start(): Promise<void> {
    await this.#refresh()
    this.#timer = setInterval(() => this.#queue(() => this.#refresh()), refreshMs)
    this.#timer.unref()
  }

  /** Writes what is not written yet. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#work
  }

  get list(): readonly DeadTarget[] {
    return [...this.#dead].map(([chatId, mark]) => ({ chatId, ...mark }))
  }

  deadReason(chatId: number): string | undefined {
    return this.#dead.get(chatId)?.reason
  }

  died(chatId: number, reason: string): void {
    if (this.#dead.has(chatId)) return
    this.#dead.set(chatId, { reason, since: new Date() })
    this.#log.info('telegram.target.dead', { chatId, reason })
    this.#save(chatId)
  }

  /** An update came from the chat: it can be written to. */
  alive(chatId: number): void {
    if (!this.#dead.delete(chatId)) return
    this.#log.info('telegram.target.alive', { chatId })
    this.#save(chatId)
  }

  #save(chatId: number): void {
    this.#unsaved.add(chatId)
    this.#queue(() => this.#flush())
  }

  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      // the marks in memory serve until the database is back
      this.#log.warn('telegram.targets.failed', { error })
    })
  }

  async #flush(): Promise<void> {
    for (const chatId of this.#unsaved) {
      // before the write: what changes meanwhile is written again
      this.#unsaved.delete(chatId)
      try {
        await this.#write(chatId)
      } catch (error) {
        this.#unsaved.add(chatId)
        throw error
      }
    }
  }

  async #write(chatId: number): Promise<void> {
    const mark = this.#dead.get(chatId)
    if (mark === undefined) {
      await this.#database.query('delete from dead_targets where chat_id = $1', [chatId])
      return
    }
    await this.#database.query(
      `insert into dead_targets (chat_id, reason, since) values ($1, $2, $3)
       on conflict (chat_id) do nothing`,
      [chatId, mark.reason, mark.since.toISOString()],
    )
  }

  async #refresh(): Promise<void> {
    await this.#flush()
    const rows = await this.#database.query<Row>('select chat_id, reason, since from dead_targets')
    const kept = new Set<number>()
    for (const { chat_id, reason, since } of rows) {
      const chatId = Number(chat_id)
      kept.add(chatId)
      if (!this.#unsaved.has(chatId)) this.#dead.set(chatId, { reason, since: new Date(since) })
    }
    for (const chatId of this.#dead.keys()) {
      if (!kept.has(chatId) && !this.#unsaved.has(chatId)) this.#dead.delete(chatId)
    }
  }
}
