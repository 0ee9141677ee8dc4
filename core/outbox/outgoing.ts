import { TelegramError } from 'telegraf'
import type { Message } from 'telegraf/types'
import type { OpsTelegram } from '../telegram/telegram.ts'
import type { TextPart } from '../telegram/text-parts.ts'

/** One message, ready to be sent by one call. Plain data: what is kept in the outbox is this, as JSON. */
export interface Outgoing {
  readonly part: TextPart
  /** Id of the message that it is put in place of, if that can still be edited. */
  readonly edit?: number
}

/** Sends a message, or puts it in the place of another. @returns of an edited one the id alone is known */
export async function deliver(
  telegram: OpsTelegram,
  chatId: number,
  { part, edit }: Outgoing,
): Promise<Message> {
  if (edit !== undefined && (await replace(telegram, chatId, edit, part))) {
    return { message_id: edit } as Message
  }
  return telegram.sendPart(chatId, part)
}

/** @returns false when there is no text to put it in place of: deleted, too old, a photo */
async function replace(
  telegram: OpsTelegram,
  chatId: number,
  messageId: number,
  { text, extra: { parse_mode, reply_markup } }: TextPart,
): Promise<boolean> {
  try {
    // an edit without a keyboard takes the old one away
    await telegram.callApi('editMessageText', {
      chat_id: chatId,
      message_id: messageId,
      text,
      ...(parse_mode === undefined ? {} : { parse_mode }),
      // a new message may have other keyboards, one with buttons of ours has this kind
      ...(reply_markup !== undefined && 'inline_keyboard' in reply_markup ? { reply_markup } : {}),
    })
    return true
  } catch (error) {
    if (error instanceof TelegramError && error.code === 400) return false
    throw error
  }
}
