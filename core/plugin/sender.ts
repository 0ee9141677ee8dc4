import { TelegramError } from 'telegraf'
import type {
  Convenience,
  InlineKeyboardButton,
  InlineKeyboardMarkup,
  Message,
} from 'telegraf/types'
import { OpsError } from '../errors.ts'
import type { CallbackCodec } from '../telegram/callback.ts'
import type { UpdateFacts } from '../telegram/facts.ts'
import { Html } from '../telegram/html.ts'
import { splitHtml, splitText } from '../telegram/split.ts'
import type { OpsTelegram } from '../telegram/telegram.ts'
import type { ButtonStore } from './button-store.ts'
import type { Button, Content } from './content.ts'

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
    const { chatId, threadId, messageId } = facts
    if (chatId === undefined) {
      throw new OpsError('OPS_NO_CHAT', `An update of kind ${facts.kind} has no chat to answer in`)
    }
    const keyboard = await this.#keyboard(content, chatId)
    const pressed = facts.kind === 'callback_query' ? messageId : undefined
    if (content.mode === 'edit' && pressed !== undefined && fitsOneMessage(content.text)) {
      const edited = await edit(telegram, chatId, pressed, content.text, keyboard)
      if (edited) return { message_id: pressed } as Message.TextMessage
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
    const encoded = this.#codec.encode({
      plugin,
      action,
      ...(Object.keys(data).length === 0 ? {} : { payload: data }),
      ...(presser === 'anyone' ? {} : { presser }),
    })
    if (encoded.form === 'inline') return { text: label, callback_data: encoded.data }
    // before the message is sent: a press may come at once
    const id = await this.#store.keep(button, chatId)
    return { text: label, callback_data: this.#codec.stored(plugin, action, id) }
  }
}

function fitsOneMessage(text: string | Html): boolean {
  return (text instanceof Html ? splitHtml(text) : splitText(text)).length === 1
}

/** @returns false when there is no text to put it in place of: deleted, too old, a photo */
async function edit(
  telegram: OpsTelegram,
  chatId: number,
  messageId: number,
  text: string | Html,
  keyboard: InlineKeyboardMarkup | undefined,
): Promise<boolean> {
  try {
    // an edit without a keyboard takes the old one away
    await telegram.editMessageText(chatId, messageId, undefined, String(text), {
      ...(text instanceof Html ? { parse_mode: 'HTML' as const } : {}),
      ...(keyboard === undefined ? {} : { reply_markup: keyboard }),
    })
    return true
  } catch (error) {
    if (error instanceof TelegramError && error.code === 400) return false
    throw error
  }
}
