import { abortable } from './abortable.ts'

/** What a newer edit replaces besides older ones of its own kind: a new text brings its own buttons. */
const replaced: Readonly<Record<string, ReadonlySet<string>>> = {
  editMessageText: new Set(['editMessageReplyMarkup']),
  editMessageCaption: new Set(['editMessageReplyMarkup']),
  editMessageMedia: new Set(['editMessageReplyMarkup', 'editMessageCaption']),
}

/**
 * Keeps the edits of each message in order, one at a time, and lets those that still wait give way to
 * a newer one: of ten edits during a pause only the last is sent.
 */
export class Edits {
  /** The unsettled edits of each message, oldest first. */
  readonly #lines = new Map<string, Edit[]>()

  /** Takes an edit into its message's line; undefined for all other calls. */
  enter(method: string, payload: object): Edit | undefined {
    if (!method.startsWith('editMessage')) return undefined
    const key = messageKey(payload)
    if (key === undefined) return undefined
    const line = this.#lines.get(key) ?? []
    if (line.length === 0) this.#lines.set(key, line)
    const edit = new Edit(method, line, () => {
      if (line.length === 0) this.#lines.delete(key)
    })
    for (const older of line) older.giveWay(edit)
    line.push(edit)
    return edit
  }
}

/** How an edit ended, for those it replaced. */
export type Ending =
  | { readonly how: 'done'; readonly result: unknown }
  | { readonly how: 'failed'; readonly error: unknown }
  /** Its own caller gave up: it replaced nothing. */
  | { readonly how: 'aborted' }

/** One edit on its way. */
export class Edit {
  readonly method: string
  readonly #line: Edit[]
  readonly #left: () => void
  readonly #ended = Promise.withResolvers<Ending>()
  /** The newest edit that makes this one pointless, also when that has been sent meanwhile. */
  #replacedBy: Edit | undefined
  /** It is being sent right now: set while others have to wait for it. */
  #sending: PromiseWithResolvers<void> | undefined

  constructor(method: string, line: Edit[], left: () => void) {
    this.method = method
    this.#line = line
    this.#left = left
  }

  /**
   * Waits until this edit may be sent: none of the message's is being sent, and no older one is still to come.
   * @returns a newer one that makes it pointless, or undefined when it is this one's turn: `sent` ends it
   */
  async turn(signal: AbortSignal | undefined): Promise<Edit | undefined> {
    for (;;) {
      if (this.#replacedBy !== undefined) return this.#replacedBy
      const first = this.#line.find((edit) => edit === this || edit.#replacedBy === undefined)
      const busy = this.#line.find((edit) => edit.#sending !== undefined)
      const before = busy ?? (first === this ? undefined : first)
      if (before === undefined) {
        this.#sending = Promise.withResolvers()
        return undefined
      }
      await abortable<unknown>(before.#sending?.promise ?? before.#ended.promise, signal)
    }
  }

  /** Is told of each newer edit of its message. */
  giveWay(newer: Edit): void {
    if (newer.#replaces(this)) this.#replacedBy = newer
  }

  /** An attempt is over, whatever came of it; a repeat waits for its turn again. */
  sent(): void {
    this.#sending?.resolve()
    this.#sending = undefined
  }

  /** The edit leaves its line. */
  end(ending: Ending): void {
    this.sent()
    this.#line.splice(this.#line.indexOf(this), 1)
    if (ending.how === 'aborted') this.#giveBack()
    this.#left()
    this.#ended.resolve(ending)
  }

  ended(signal: AbortSignal | undefined): Promise<Ending> {
    return abortable(this.#ended.promise, signal)
  }

  /** Those that it replaced go on, or give way to another one. */
  #giveBack(): void {
    for (const [i, older] of this.#line.entries()) {
      if (older.#replacedBy !== this) continue
      older.#replacedBy = this.#line.slice(i + 1).findLast((edit) => edit.#replaces(older))
    }
  }

  #replaces(older: Edit): boolean {
    const { method } = older
    return this.method === method || replaced[this.method]?.has(method) === true
  }
}

function messageKey(payload: object): string | undefined {
  // Any payload: the fields that name a message are looked at.
  const { chat_id, message_id, inline_message_id } = payload as Readonly<Record<string, unknown>>
  if (inline_message_id !== undefined) return `inline:${inline_message_id}`
  return message_id === undefined ? undefined : `${chat_id}:${message_id}`
}
