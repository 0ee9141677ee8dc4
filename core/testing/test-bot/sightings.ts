import type { FakeBotApi } from '../bot-api/api.ts'
import { mediaKinds } from '../bot-api/world/files.ts'
import type { StoredMessage } from '../bot-api/world/message.ts'

/** What the bot showed in a chat at one moment: a new message, or a new text of an older one. */
export interface Sighting {
  readonly text: string
  /** Texts of its buttons. */
  readonly buttons: readonly string[]
  readonly edited: boolean
  /** A document, photo or the like; its `text` is the caption. */
  readonly file?: SeenFile
  /** The message as it stands now. */
  readonly message: StoredMessage
}

export interface SeenFile {
  readonly name: string
  readonly mime: string
  readonly data: Buffer
}

export type Pattern = string | RegExp

/** All that the bot has shown in each chat, in order. */
export class Sightings {
  readonly #chats = new Map<number, Sighting[]>()
  readonly #waiting = new Set<() => void>()
  readonly #api: FakeBotApi

  constructor(api: FakeBotApi) {
    this.#api = api
    api.on('message', (message) => this.#add(message, false))
    api.on('edit', (message) => this.#add(message, true))
  }

  in(chatId: number): readonly Sighting[] {
    return this.#chats.get(chatId) ?? []
  }

  /** Resolves with what `find` finds, looked for now and after each sighting; undefined at the deadline. */
  async wait<T>(find: () => T | undefined, deadlineMs: number): Promise<T | undefined> {
    const ends = performance.now() + deadlineMs
    for (;;) {
      const found = find()
      if (found !== undefined) return found
      const left = ends - performance.now()
      if (left <= 0) return undefined
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left)
        const waiting = this.#waiting
        function done() {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
      })
    }
  }

  #add(message: StoredMessage, edited: boolean): void {
    if (!message.byBot) return
    const seen = this.#chats.get(message.chatId) ?? []
    this.#chats.set(message.chatId, seen)
    const before = seen.findLast((sighting) => sighting.message === message)
    const file = this.#fileOf(message)
    const isNew = before?.text !== message.text || before?.file?.data !== file?.data
    // a change of buttons alone shows nothing new to read
    if (isNew || !edited) {
      const buttons = message.buttons.map(({ text }) => text)
      seen.push({
        text: message.text,
        buttons,
        edited,
        ...(file === undefined ? {} : { file }),
        message,
      })
    }
    for (const look of [...this.#waiting]) look()
  }

  #fileOf({ api }: StoredMessage): SeenFile | undefined {
    const found = mediaKinds.flatMap((kind) => api[kind] ?? []).at(-1)
    return found === undefined ? undefined : this.#api.world.files.get(found.file_id)
  }
}

/** Whether its text, or its file's name, is what is looked for. */
export function isLike({ text, file }: Sighting, pattern: Pattern | undefined): boolean {
  return fits(text, pattern) || (file !== undefined && fits(file.name, pattern))
}

export function fits(text: string, pattern: Pattern | undefined): boolean {
  if (pattern === undefined) return true
  return typeof pattern === 'string' ? text.includes(pattern) : text.search(pattern) >= 0
}

export function shown(pattern: Pattern | undefined): string {
  if (pattern === undefined) return 'anything'
  return typeof pattern === 'string' ? JSON.stringify(pattern) : String(pattern)
}

/** A sighting as one line of a failed expectation. */
export function lineOf({ text, buttons, edited, file }: Sighting): string {
  const keys = buttons.map((label) => ` [${label}]`).join('')
  const attached = file === undefined ? '' : `(file ${file.name}) `
  return `  • ${edited ? '(edited) ' : ''}${attached}${JSON.stringify(text)}${keys}`
}
