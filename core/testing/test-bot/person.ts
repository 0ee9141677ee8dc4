import { OpsError } from '../../errors.ts'
import type { Chat } from '../bot-api/world/chat.ts'
import type { CallbackAnswer, StoredMessage } from '../bot-api/world/message.ts'
import type { FileOptions, Person, SendOptions } from '../bot-api/world/person.ts'
import {
  fits,
  isLike,
  lineOf,
  type Pattern,
  type Sighting,
  type Sightings,
  shown,
} from './sightings.ts'

/** How long an expectation waits by default, ms. */
const patienceMs = 5_000

/** What a person needs of the bot that it talks to. */
export interface Surroundings {
  readonly sightings: Sightings
  /** Resolves when everybody who was added is in the database. */
  arrived(): Promise<void>
  /** Resolves when the bot has nothing left to do. */
  settled(): Promise<void>
  /** Newest warnings and errors of the log. */
  complaints(): readonly string[]
}

export interface Patience {
  /** How long to wait, ms; default 5,000. */
  within?: number
}

/**
 * Somebody who chats with the bot under test, in one chat. Each `sees` looks at what the bot has shown
 * there since the last one, edits too.
 */
export class TestPerson {
  /** For all that is not here: files, reactions, joining and leaving. */
  readonly telegram: Person
  readonly #chat: Chat
  readonly #around: Surroundings
  readonly #elsewhere = new Map<Chat, TestPerson>()
  #seen = 0
  #answer: CallbackAnswer | undefined

  constructor(telegram: Person, chat: Chat, around: Surroundings) {
    this.telegram = telegram
    this.#chat = chat
    this.#around = around
  }

  /** Telegram id. */
  get id(): number {
    return this.telegram.id
  }

  /** The same person in a group: what is sent and seen there. */
  in(chat: Chat): TestPerson {
    const known = this.#elsewhere.get(chat)
    if (known !== undefined) return known
    const there = new TestPerson(this.telegram, chat, this.#around)
    this.#elsewhere.set(chat, there)
    return there
  }

  /** Writes a text into the chat. */
  async sends(text: string, options: Omit<SendOptions, 'chat'> = {}): Promise<StoredMessage> {
    await this.#around.arrived()
    return this.telegram.sendText(text, { ...options, chat: this.#chat })
  }

  /** Sends a picture; a command in its caption counts. */
  async sendsPhoto(
    data: Buffer | string = 'a picture',
    options: Omit<FileOptions, 'chat'> = {},
  ): Promise<StoredMessage> {
    return this.#sendsFile('photo', { name: 'photo.jpg', mime: 'image/jpeg', data }, options)
  }

  /** Sends a document. */
  async sendsFile(
    name: string,
    data: Buffer | string,
    options: Omit<FileOptions, 'chat'> = {},
  ): Promise<StoredMessage> {
    return this.#sendsFile('document', { name, data }, options)
  }

  async #sendsFile(
    kind: 'photo' | 'document',
    { data, ...file }: { name: string; mime?: string; data: Buffer | string },
    options: Omit<FileOptions, 'chat'>,
  ): Promise<StoredMessage> {
    await this.#around.arrived()
    const upload = { ...file, data: Buffer.from(data) }
    return this.telegram.sendFile(kind, upload, { ...options, chat: this.#chat })
  }

  /** Edits an own message. */
  async edits(message: StoredMessage, text: string): Promise<void> {
    await this.#around.arrived()
    this.telegram.editText(message, text)
  }

  /**
   * Waits until the bot shows a text, or a file with a name, that contains the string or fits the pattern; what it
   * shows before that is passed over.
   *
   * @throws OPS_TEST_DEADLINE with what was shown instead
   */
  async sees(pattern?: Pattern, { within = patienceMs }: Patience = {}): Promise<Sighting> {
    const { sightings } = this.#around
    const index = await sightings.wait(() => {
      const all = sightings.in(this.#chat.id)
      const at = all.findIndex((one, i) => i >= this.#seen && isLike(one, pattern))
      return at < 0 ? undefined : at
    }, within)
    const found = index === undefined ? undefined : sightings.in(this.#chat.id)[index]
    if (index === undefined || found === undefined) {
      throw this.#unfulfilled(`didn't see ${shown(pattern)} within ${within} ms`)
    }
    this.#seen = index + 1
    return found
  }

  /**
   * Waits until the bot has nothing left to do; then nothing that fits may stand among what was not yet
   * seen. Without a pattern: nothing at all.
   *
   * @throws OPS_TEST_UNEXPECTED
   */
  async doesNotSee(pattern?: Pattern): Promise<void> {
    await this.#around.settled()
    const unseen = this.#around.sightings.in(this.#chat.id).slice(this.#seen)
    const found = unseen.find((one) => isLike(one, pattern))
    if (found === undefined) return
    throw new OpsError(
      'OPS_TEST_UNEXPECTED',
      `${this.#name} should not see ${shown(pattern)}, and sees:\n${lineOf(found)}`,
    )
  }

  /**
   * Presses a button, by its text or a part of it, on the newest message that has it; resolves with what
   * the bot answered to the press.
   *
   * @throws OPS_TEST_DEADLINE when there is no such button, or no answer to the press
   */
  async presses(label: string, { within = patienceMs }: Patience = {}): Promise<CallbackAnswer> {
    await this.#around.arrived()
    const { sightings } = this.#around
    const message = await sightings.wait(() => this.#messageWith(label), within)
    if (message === undefined) {
      throw this.#unfulfilled(`sees no button "${label}" within ${within} ms`)
    }
    const { answered } = this.telegram.press(message, label)
    this.#answer = await inTime(answered, within)
    if (this.#answer === undefined) {
      throw this.#unfulfilled(`got no answer to the press of "${label}" within ${within} ms`)
    }
    return this.#answer
  }

  /** The last press was answered by an alert with this text. @throws OPS_TEST_UNEXPECTED */
  async seesAlert(pattern?: Pattern): Promise<void> {
    this.#answered(true, pattern)
  }

  /** The last press was answered by a toast, the line that vanishes by itself, with this text. @throws OPS_TEST_UNEXPECTED */
  async seesToast(pattern?: Pattern): Promise<void> {
    this.#answered(false, pattern)
  }

  #answered(alert: boolean, pattern: Pattern | undefined): void {
    const got = this.#answer
    if (got?.text && got.alert === alert && fits(got.text, pattern)) return
    const kind = alert ? 'an alert' : 'a toast'
    const instead =
      got === undefined
        ? 'pressed nothing'
        : got.text
          ? `got ${got.alert ? 'an alert' : 'a toast'}: ${JSON.stringify(got.text)}`
          : 'got an answer without text'
    throw new OpsError(
      'OPS_TEST_UNEXPECTED',
      `${this.#name} should see ${kind} with ${shown(pattern)}, and ${instead}`,
    )
  }

  #messageWith(label: string): StoredMessage | undefined {
    const messages = [...this.#chat.messages].reverse()
    const has = (fitting: (text: string) => boolean) =>
      messages.find(({ buttons }) => buttons.some(({ text }) => fitting(text)))
    return has((text) => text === label) ?? has((text) => text.includes(label))
  }

  get #name(): string {
    const { first_name, last_name } = this.telegram.user
    const where = this.#chat.isPrivate ? '' : ` in "${this.#chat.api.title}"`
    return `${[first_name, last_name].filter(Boolean).join(' ')}${where}`
  }

  #unfulfilled(what: string): OpsError {
    const all = this.#around.sightings.in(this.#chat.id)
    const unseen = all.slice(this.#seen).map(lineOf)
    const before = all.slice(Math.max(0, this.#seen - 3), this.#seen).map(lineOf)
    const complaints = this.#around.complaints().map((line) => `  ${line}`)
    const lines = [
      `${this.#name} ${what}. New to see ${unseen.length === 0 ? 'was nothing' : 'were'}`,
      ...unseen,
      ...(before.length === 0 ? [] : ['Seen before that:', ...before]),
      ...(complaints.length === 0 ? [] : ['The log complains:', ...complaints]),
    ]
    return new OpsError('OPS_TEST_DEADLINE', lines.join('\n'))
  }
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
