import { EventEmitter, on } from 'node:events'
import { OpsError } from '../../errors.ts'
import type { FakeBotApiEvents } from './events.ts'
import { Faults } from './faults.ts'
import { Journal } from './journal.ts'
import type { Backend } from './methods/method.ts'
import { WebhookDelivery } from './updates/delivery.ts'
import { LongPoll } from './updates/poll.ts'
import { UpdateQueue } from './updates/queue.ts'
import { executeAnswer } from './webhook-answer.ts'
import type { ApiUpdate, ApiUser } from './wire.ts'
import type { Chat } from './world/chat.ts'
import type { StoredMessage } from './world/message.ts'
import type { Person } from './world/person.ts'
import { type GroupOptions, type PersonOptions, World } from './world/world.ts'

export interface FakeBotApiOptions {
  /** Loopback port; default 0, any free one. */
  port?: number
  /** Default a well-formed one that Telegram never issued; its first part is the bot's id. */
  token?: string
  botUsername?: string
  botName?: string
  /** Milliseconds since 1970; default the machine's clock. Waits still take real time. */
  now?: () => number
  /** Default: grows from one start to the next, so that a kept database sees no id twice. */
  firstUpdateId?: number
  /** Calls the journal keeps; default 10,000. */
  journalLimit?: number
  /** Messages kept in each chat; default 10,000. */
  historyLimit?: number
  /** Privacy mode: in groups the bot sees only what is meant for it. Default off. */
  privacyMode?: boolean
}

const defaultToken = '8000000001:AAfake-token-of-the-fake-Bot-API-000'

/**
 * A Bot API server for tests, benches and the playground, and the people and chats behind it. The
 * bot under test talks to `url` as to Telegram; the test acts as people (`user`, `group`), waits for
 * events (`next`) and reads what happened (`messages`, `journal`).
 */
export class FakeBotApi extends EventEmitter<FakeBotApiEvents> {
  readonly token: string
  /** The bot under test, as `getMe` shows it. */
  readonly bot: ApiUser
  readonly world: World
  readonly journal: Journal
  readonly faults = new Faults()
  readonly backend: Backend
  readonly #close: () => Promise<void>
  readonly #address: () => string

  constructor(
    options: FakeBotApiOptions,
    front: { address: () => string; close: () => Promise<void> },
  ) {
    super()
    // Each waiting test listens; ten at once are no leak.
    this.setMaxListeners(0)
    const now = options.now ?? Date.now
    this.token = options.token ?? defaultToken
    this.bot = {
      id: Number.parseInt(this.token, 10),
      is_bot: true,
      first_name: options.botName ?? 'Opsgram',
      username: options.botUsername ?? 'opsgram_bot',
    }
    this.journal = new Journal(options.journalLimit ?? 10_000, now)
    const firstId = options.firstUpdateId ?? idByTime(now())
    const queue = new UpdateQueue(now, firstId)
    const privacyMode = options.privacyMode ?? false
    this.world = new World({
      bot: this.bot,
      now,
      queue,
      events: this,
      historyLimit: options.historyLimit ?? 10_000,
      privacyMode,
    })
    const poll = new LongPoll(queue, now)
    const delivery = new WebhookDelivery({
      queue,
      now,
      execute: (answer) => executeAnswer(this, answer),
      tell: (attempt) => this.emit('delivery', attempt),
    })
    this.backend = { world: this.world, queue, poll, privacyMode, delivery }
    this.#address = front.address
    this.#close = front.close
  }

  /** What goes into `TELEGRAM_API_ROOT`: `http://127.0.0.1:<port>`. */
  get url(): string {
    return this.#address()
  }

  /** Updates the bot has not confirmed yet. */
  get pending(): number {
    return this.backend.queue.size
  }

  /** Updates the bot has confirmed. */
  get confirmed(): number {
    return this.backend.queue.confirmed
  }

  /** Adds a person with a private chat to the bot. */
  user(options?: PersonOptions): Person {
    return this.world.person(options)
  }

  /** Adds a group, supergroup or channel. */
  group(options?: GroupOptions): Chat {
    return this.world.group(options)
  }

  /** The messages of a chat, oldest first, without deleted ones. */
  messages(chatId: number): readonly StoredMessage[] {
    return this.world.chat(chatId)?.messages ?? []
  }

  /** Puts up any update as it is, also of kinds the bot did not ask for; adds an id if it has none. */
  inject(update: Record<string, unknown>): ApiUpdate {
    const made = this.backend.queue.inject(update)
    this.emit('update', made)
    return made
  }

  /**
   * Waits for the next event that matches.
   * @param deadlineMs default 5,000
   * @throws {OpsError} OPS_TEST_DEADLINE when it doesn't come
   */
  async next<Name extends keyof FakeBotApiEvents>(
    name: Name,
    matches: (...args: FakeBotApiEvents[Name]) => boolean = () => true,
    deadlineMs = 5_000,
  ): Promise<FakeBotApiEvents[Name][0]> {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), deadlineMs)
    try {
      for await (const args of on(this, name, { signal: stop.signal })) {
        // node:events types what it iterates as any[]; these are the arguments of emit.
        const event = args as FakeBotApiEvents[Name]
        if (matches(...event)) return event[0]
      }
    } catch (error) {
      if (!stop.signal.aborted) throw error
    } finally {
      clearTimeout(timer)
    }
    const calls = this.journal.calls().slice(-5)
    throw new OpsError('OPS_TEST_DEADLINE', `No "${name}" that matches within ${deadlineMs} ms`, {
      details: { lastCalls: calls.map((call) => `${call.method}: ${call.outcome}`) },
    })
  }

  /** Hangs up on everybody and frees the port. */
  async close(): Promise<void> {
    this.backend.poll.close()
    await Promise.all([this.backend.delivery.close(), this.#close()])
  }
}

/** Ten ids a second since 2025: within 32 bits, as Telegram's are, until 2031. */
function idByTime(now: number): number {
  return Math.max(1, Math.floor((now - Date.UTC(2025, 0, 1)) / 100))
}
