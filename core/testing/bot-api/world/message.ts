import type { ApiEntity, ApiInlineButton, ApiMessage, ApiReplyKeyboard, ApiUser } from '../wire.ts'

/**
 * A message as it stands now. `api` is never changed in place: an edit puts a new object there, so
 * updates and answers made earlier keep what was true then.
 */
export class StoredMessage {
  api: ApiMessage
  /** Sent by the bot under test. */
  readonly byBot: boolean
  readonly silent: boolean
  /** Buttons or a forced reply under the input field that came with this message. */
  readonly keyboard: ApiReplyKeyboard | undefined
  deleted = false
  /** How often it was edited; buttons count. */
  edits = 0
  /** Emoji by the id of who set them. */
  readonly reactions = new Map<number, string[]>()

  constructor(
    api: ApiMessage,
    options: { byBot: boolean; silent?: boolean; keyboard?: ApiReplyKeyboard | undefined },
  ) {
    this.api = api
    this.byBot = options.byBot
    this.silent = options.silent ?? false
    this.keyboard = options.keyboard
  }

  get id(): number {
    return this.api.message_id
  }

  get chatId(): number {
    return this.api.chat.id
  }

  /** The text, or a file's caption. */
  get text(): string {
    return this.api.text ?? this.api.caption ?? ''
  }

  get entities(): readonly ApiEntity[] {
    return this.api.entities ?? this.api.caption_entities ?? []
  }

  /** The buttons under the message, row by row in one list. */
  get buttons(): readonly ApiInlineButton[] {
    return this.api.reply_markup?.inline_keyboard.flat() ?? []
  }
}

/** A press of a button under a message. */
export interface Press {
  readonly id: string
  readonly from: ApiUser
  readonly message: StoredMessage
  readonly data: string
  /** ms since 1970, by the fake's clock. */
  readonly at: number
  /** The bot's first answer; stays open if it never answers. */
  readonly answered: Promise<CallbackAnswer>
  /** The newest answer so far. */
  answer: CallbackAnswer | undefined
}

/** What the bot said to a press: nothing, a toast, or an alert. */
export interface CallbackAnswer {
  readonly press: Press
  readonly text: string
  readonly alert: boolean
  readonly url: string
}
