import { randomBytes } from 'node:crypto'
import type {
  Convenience,
  InlineKeyboardButton,
  InlineKeyboardMarkup,
  Message,
} from 'telegraf/types'
import type { Queries } from '../database/connection.ts'
import { OpsError } from '../errors.ts'
import type { CallbackCodec } from '../telegram/callback.ts'
import type { UpdateFacts } from '../telegram/facts.ts'
import { Html } from '../telegram/html.ts'
import type { OpsTelegram } from '../telegram/telegram.ts'
import type { Button, Content } from './content.ts'

/** Where an answer goes, and by whose calls. */
export interface Addressee {
  readonly facts: UpdateFacts
  readonly telegram: OpsTelegram
}

/** A button whose data is kept in the database works so long. */
const keepButtonsMs = 30 * 24 * 3_600_000

/** Sends what handlers answer: splits long text, writes buttons, keeps answers in their topic. */
export class ContentSender {
  readonly #codec: CallbackCodec
  readonly #database: Queries

  constructor(options: { codec: CallbackCodec; database: Queries }) {
    this.#codec = options.codec
    this.#database = options.database
  }

  /** @returns the message, of several parts the last one. @throws OPS_NO_CHAT */
  async send(
    { facts, telegram }: Addressee,
    content: Content,
    extra: Convenience.ExtraReplyMessage = {},
  ): Promise<Message.TextMessage> {
    const { chatId, threadId, messageId } = facts
    if (chatId === undefined) {
      throw new OpsError('OPS_NO_CHAT', `An update of kind ${facts.kind} has no chat to answer in`)
    }
    const keyboard = await this.#keyboard(content, chatId)
    if (content.mode === 'edit' && facts.kind === 'callback_query' && messageId !== undefined) {
      // an edit without a keyboard takes the old one away
      await telegram.editMessageText(chatId, messageId, undefined, String(content.text), {
        ...(content.text instanceof Html ? { parse_mode: 'HTML' as const } : {}),
        ...(keyboard === undefined ? {} : { reply_markup: keyboard }),
      })
      return { message_id: messageId } as Message.TextMessage
    }
    const sent = await telegram.sendText(chatId, content.text, {
      ...(threadId === undefined ? {} : { message_thread_id: threadId }),
      ...(keyboard === undefined ? {} : { reply_markup: keyboard }),
      ...extra,
    })
    return sent.at(-1) as Message.TextMessage
  }

  async #keyboard(content: Content, chatId: number): Promise<InlineKeyboardMarkup | undefined> {
    if (content.buttons.length === 0) return undefined
    const rows = content.buttons.map((row) =>
      Promise.all(row.map((button) => this.#button(button, chatId))),
    )
    return { inline_keyboard: await Promise.all(rows) }
  }

  async #button(button: Button, chatId: number): Promise<InlineKeyboardButton> {
    const { plugin, action, data, presser, label } = button
    const payload = Object.keys(data).length === 0 ? undefined : data
    const encoded = this.#codec.encode({
      plugin,
      action,
      payload,
      ...(presser === 'anyone' ? {} : { presser }),
    })
    if (encoded.form === 'inline') return { text: label, callback_data: encoded.data }
    const id = randomBytes(16).toString('base64url')
    // before the message is sent: a press may come at once
    await this.#database.query(
      `insert into button_payloads (id, plugin, action, data, presser, chat, created_at, expires_at)
       values ($1, $2, $3, $4, $5, $6, now(), $7)`,
      [
        id,
        plugin,
        action,
        JSON.stringify(data),
        presser === 'anyone' ? null : presser,
        chatId,
        new Date(Date.now() + keepButtonsMs).toISOString(),
      ],
    )
    return { text: label, callback_data: this.#codec.stored(plugin, action, id) }
  }
}
