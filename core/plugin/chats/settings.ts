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

/** A row of `chat_settings`. */
export const chatSettingRow = z.object({
  chat_id: z.coerce.number(),
  language: z.string().nullable(),
  time_zone: z.string().nullable(),
  plugins_off: z.array(z.string()).catch([]),
  version: z.number(),
})

export type ChatSettingRow = z.output<typeof chatSettingRow>

const columns = 'chat_id, language, time_zone, plugins_off, version'

interface Known {
  readonly version: number
  readonly setting: ChatSetting
}

/** The store's topic for "somebody decided something for a chat". */
const topic = 'chat-settings'

/** For what is sent to a chat without an update of it, where the store lost what it was told. */
const refreshMs = 60_000

/**
 * What was decided for chats, read whole: it is few rows, and asked for at every update of a group. In the process
 * that changed it, it holds from the commit on. In all others it holds for whatever is accepted after that: the inbox's
 * INSERT brings the chat's row with the update. The store's word is for what has no update.
 */
export class ChatSettingsCache {
  readonly #database: Queries
  readonly #store: Store
  readonly #log: Logger
  #chats = new Map<number, Known>()
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
    return chatId === undefined ? undefined : this.#chats.get(chatId)?.setting
  }

  /** What was just committed, in this process at once. */
  put(row: ChatSettingRow): void {
    this.#keep(row)
    void this.#store.publish(topic)
  }

  /** What the database said with an update of the chat; an older word than the one that is known changes nothing. */
  hear(chatId: number, row: ChatSettingRow | undefined): void {
    if (row !== undefined) this.#keep(row)
    // taken away, or only just made: both happen once
    else if (this.#chats.has(chatId)) void this.refresh()
  }

  /**
   * Reads what was decided for a chat, for an update that waited, or came by way of another instance.
   *
   * @throws what the database does
   */
  async look(chatId: number): Promise<void> {
    const [row] = await this.#database.query(
      `select ${columns} from chat_settings where chat_id = $1`,
      [chatId],
    )
    if (row === undefined) this.#chats.delete(chatId)
    else this.#keep(chatSettingRow.parse(row))
  }

  #keep(row: ChatSettingRow): void {
    const known = this.#chats.get(row.chat_id)
    if (known !== undefined && known.version >= row.version) return
    this.#chats.set(row.chat_id, { version: row.version, setting: settingOf(row) })
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
      .array(chatSettingRow)
      .parse(await this.#database.query(`select ${columns} from chat_settings`))
    const known = this.#chats
    this.#chats = new Map()
    for (const row of rows) {
      const newer = known.get(row.chat_id)
      if (newer !== undefined && newer.version > row.version) this.#chats.set(row.chat_id, newer)
      else this.#keep(row)
    }
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
