import { TelegramError } from 'telegraf'
import type { InlineKeyboardMarkup } from 'telegraf/types'
import type { CallbackCodec } from '../telegram/callback.ts'
import type { Gateway } from '../telegram/gateway.ts'
import type { Face } from './card.ts'
import type { CardRow } from './rows.ts'

/** The name in the place of a plugin's in the data of a card's button; no plugin may have it. */
export const cardOwner = 'core'

/** How cards get into chats. What doesn't arrive is tried again by whoever sends. */
export interface CardPost {
  /** @returns the message's id; undefined: this person can't be reached. @throws what may pass */
  send(chat: number, card: CardRow, face: Face): Promise<number | undefined>
  /** @returns false when the message is gone. @throws what may pass */
  edit(chat: number, messageId: number, card: CardRow, face: Face): Promise<boolean>
}

/** One attempt may take so long, ms; it is not repeated here. */
const attemptMs = 10_000

/** Sends at once, by the gateway. */
export function createPost(parts: { gateway: Gateway; codec: CallbackCodec }): CardPost {
  const { gateway, codec } = parts
  const options = { timeoutMs: attemptMs, retry: false }
  const messageOf = (chat: number, card: CardRow, { text, keys }: Face) => ({
    chat_id: chat,
    text: String(text),
    parse_mode: 'HTML',
    reply_markup: keyboard(chat, card, keys),
  })
  const keyboard = (chat: number, { id, version }: CardRow, keys: Face['keys']) => {
    const rows = keys.map((row) =>
      row.map(({ action, label }) => {
        // in a private chat the chat is the person: nobody else may press
        const encoded = codec.encode({
          plugin: cardOwner,
          action,
          payload: [id, version],
          presser: chat,
        })
        return { text: label, callback_data: encoded.form === 'inline' ? encoded.data : '' }
      }),
    )
    return { inline_keyboard: rows } satisfies InlineKeyboardMarkup
  }
  return {
    async send(chat, card, face) {
      try {
        const payload = messageOf(chat, card, face)
        const sent = await gateway.call<{ message_id: number }>('sendMessage', payload, options)
        return sent.message_id
      } catch (error) {
        if (isRefused(error)) return undefined
        throw error
      }
    },
    async edit(chat, messageId, card, face) {
      try {
        const payload = { ...messageOf(chat, card, face), message_id: messageId }
        await gateway.call('editMessageText', payload, options)
        return true
      } catch (error) {
        if (isRefused(error)) return false
        throw error
      }
    },
  }
}

/** Asking again can't help: blocked, never written to, deleted. */
function isRefused(error: unknown): boolean {
  return error instanceof TelegramError && error.code >= 400 && error.code < 429
}
