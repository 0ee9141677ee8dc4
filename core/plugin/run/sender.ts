import type {
  Convenience,
  InlineKeyboardButton,
  InlineKeyboardMarkup,
  Message,
} from 'telegraf/types'
import type { Queries } from '../../database/connection.ts'
import { OpsError } from '../../errors.ts'
import { deliver, type Outgoing } from '../../outbox/outgoing.ts'
import type { CallbackCodec } from '../../telegram/callback.ts'
import type { UpdateFacts } from '../../telegram/facts.ts'
import type { OpsTelegram } from '../../telegram/telegram.ts'
import { textParts } from '../../telegram/text-parts.ts'
import type { ButtonStore } from '../button/store.ts'
import { payloadOf } from '../button/terms.ts'
import type { Button, Content } from './content.ts'

/** Where an answer goes: what is asked of an update's facts. */
export type AnswerPlace = Pick<UpdateFacts, 'kind' | 'chatId' | 'threadId' | 'messageId'>

/** Where an answer goes, and by whose calls. */
export interface Addressee {
  readonly facts: UpdateFacts
  readonly telegram: OpsTelegram
}

/** Sends what handlers answer: splits long text, writes buttons, keeps answers in their topic. */
export class ContentSender {
  readonly #codec: CallbackCodec
  readonly #store: ButtonStore

  constructor({ codec, store }: { codec: CallbackCodec; store: ButtonStore }) {
    this.#codec = codec
    this.#store = store
  }

  /** @returns the message, of several parts the last one. @throws OPS_NO_CHAT */
  async send(
    { facts, telegram }: Addressee,
    content: Content,
    extra: Convenience.ExtraReplyMessage = {},
  ): Promise<Message.TextMessage> {
    const { chatId, messages } = await this.prepare(facts, content, { extra })
    let sent: Message | undefined
    for (const outgoing of messages) sent = await deliver(telegram, chatId, outgoing)
    // what is sent here is text
    return sent as Message.TextMessage
  }

  /**
   * Makes the messages that an answer becomes; data of buttons that are more than they can carry are kept.
   *
   * @param sql of the transaction that the messages belong to, if they belong to one
   * @throws OPS_NO_CHAT
   */
  async prepare(
    { kind, chatId, threadId, messageId }: AnswerPlace,
    content: Content,
    { extra, sql }: { extra?: Convenience.ExtraReplyMessage; sql?: Queries } = {},
  ): Promise<{ readonly chatId: number; readonly messages: readonly Outgoing[] }> {
    if (chatId === undefined) {
      throw new OpsError('OPS_NO_CHAT', `An update of kind ${kind} has no chat to answer in`)
    }
    const keyboard =
      content.buttons.length === 0 ? undefined : await this.keyboard(content.buttons, chatId, sql)
    const parts = textParts(content.text, {
      ...(threadId === undefined ? {} : { message_thread_id: threadId }),
      ...(keyboard === undefined ? {} : { reply_markup: keyboard }),
      ...extra,
    })
    const pressed = kind === 'callback_query' ? messageId : undefined
    const fits = parts.length === 1 && parts[0]?.as === 'message'
    const edit = content.mode === 'edit' && pressed !== undefined && fits ? { edit: pressed } : {}
    return { chatId, messages: parts.map((part) => ({ part, ...edit })) }
  }

  /** Buttons as Telegram takes them; data of those that are more than they can carry are kept. */
  async keyboard(
    rows: Content['buttons'],
    chatId: number,
    sql?: Queries,
  ): Promise<InlineKeyboardMarkup> {
    const keyboard: InlineKeyboardButton[][] = []
    for (const row of rows) {
      const made: InlineKeyboardButton[] = []
      // one after the other: in a transaction they share a connection
      for (const button of row) made.push(await this.#button(button, chatId, sql))
      keyboard.push(made)
    }
    return { inline_keyboard: keyboard }
  }

  async #button(
    button: Button,
    chatId: number,
    sql: Queries | undefined,
  ): Promise<InlineKeyboardButton> {
    const { plugin, action, presser, label } = button
    const payload = payloadOf(button)
    const encoded = this.#codec.encode({
      plugin,
      action,
      ...(payload === undefined ? {} : { payload }),
      ...(presser === 'anyone' ? {} : { presser }),
    })
    if (encoded.form === 'inline') return { text: label, callback_data: encoded.data }
    // before the message is sent: a press may come at once
    const id = await this.#store.keep(button, chatId, sql)
    return { text: label, callback_data: this.#codec.stored(plugin, action, id) }
  }
}
