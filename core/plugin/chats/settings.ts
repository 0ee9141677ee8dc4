import { z } from 'zod'
import type { Queries } from '../../database/connection.ts'
import { isTimeZone, languageTag } from '../../i18n/language.ts'
import type { Logger } from '../../log/logger.ts'
import type { Store } from '../../store/store.ts'

/** What was decided for a chat. */
export interface ChatSetting {
  /** A tag for `Intl`: everybody is answered in it there. Absent: each in their own language. */
  readonly language?: string
  /** IANA name. Absent: each in their own. */
  readonly timeZone?: string
  /** Plugins that are switched off there. */
  readonly off: ReadonlySet<string>
}

const rowSchema = z.object({
  chat_id: z.coerce.number(),
  language: z.string().nullable(),
  time_zone: z.string().nullable(),
  plugins_off: z.array(z.string()).catch([]),
})

export type ChatSettingRow = z.output<typeof rowSchema>

/** The store's topic for "somebody decided something for a chat". */
const topic = 'chat-settings'

/** What is told between instances arrives within milliseconds; what got lost is found by then. */
const refreshMs = 60_000

/**
 * What was decided for chats, read whole: it is few rows, and asked for at every update of a group. In the process
 * that changed it, it holds from the commit on; in the others once they heard of it.
 */
export class ChatSettingsCache {
  readonly #database: Queries
  readonly #store: Store
  readonly #log: Logger
  #chats = new Map<number, ChatSetting>()
  #timer: NodeJS.Timeout | undefined
  #unsubscribe: (() => void) | undefined
  #refreshing: Promise<void> = Promise.resolve()

  constructor({ database, store, log }: { database: Queries; store: Store; log: Logger }) {
    this.#database = database
    this.#store = store
    this.#log = log
  }

  /** @throws what the database does */
  async start(): Promise<void> {
    await this.#read()
    this.#unsubscribe = this.#store.subscribe(topic, () => this.refresh())
    this.#timer = setInterval(() => void this.refresh(), refreshMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#unsubscribe?.()
  }

  /** Undefined: nothing was decided for it. */
  of(chatId: number | undefined): ChatSetting | undefined {
    return chatId === undefined ? undefined : this.#chats.get(chatId)
  }

  /** What was just committed, in this process at once. */
  put(row: ChatSettingRow): void {
    this.#chats.set(row.chat_id, settingOf(row))
    void this.#store.publish(topic)
  }

  /** One after the other, or an older answer could come after a newer one and stay. Never rejects. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.then(() => this.#look())
    return this.#refreshing
  }

  /** Never rejects: what is known stays. */
  async #look(): Promise<void> {
    try {
      await this.#read()
    } catch (error) {
      this.#log.warn('chats.settings-not-read', { error })
    }
  }

  async #read(): Promise<void> {
    const rows = z
      .array(rowSchema)
      .parse(
        await this.#database.query(
          'select chat_id, language, time_zone, plugins_off from chat_settings',
        ),
      )
    this.#chats = new Map(rows.map((row) => [row.chat_id, settingOf(row)]))
  }
}

function settingOf({ language, time_zone: timeZone, plugins_off }: ChatSettingRow): ChatSetting {
  const tag = languageTag(language ?? undefined)
  return {
    ...(tag === undefined ? {} : { language: tag }),
    ...(timeZone !== null && isTimeZone(timeZone) ? { timeZone } : {}),
    off: new Set(plugins_off),
  }
}
