import type { Convenience } from 'telegraf/types'
import { Html, plainText } from './html.ts'
import { splitHtml, splitText } from './split.ts'

/** One of the messages that a text of any length becomes. Plain data, so that it can be kept. */
export interface TextPart {
  /** A message, or a text file for what would be too many messages. */
  readonly as: 'message' | 'file'
  readonly text: string
  /** The other fields of the call. */
  readonly extra: Convenience.ExtraReplyMessage
}

/** Texts longer than this many messages are sent as a file. */
const maxParts = 5

/** Splits a text into what one call each can send: up to 4,096 characters with valid markup, or one file. */
export function textParts(
  text: string | Html,
  extra: Convenience.ExtraReplyMessage = {},
): TextPart[] {
  const isHtml = text instanceof Html
  const split: readonly (string | Html)[] = isHtml ? splitHtml(text) : splitText(text)
  // Of blanks alone nothing is left: Telegram's own refusal tells the caller best.
  const parts = split.length === 0 ? [text] : split
  const { reply_markup, reply_parameters, ...rest } = extra
  const replying = reply_parameters === undefined ? {} : { reply_parameters }
  const buttons = reply_markup === undefined ? {} : { reply_markup }
  if (parts.length > maxParts) {
    const { entities, parse_mode, link_preview_options, ...fileExtra } = rest
    const content = isHtml ? plainText(text) : text
    return [{ as: 'file', text: content, extra: { ...fileExtra, ...replying, ...buttons } }]
  }
  return parts.map((part, i) => ({
    as: 'message',
    text: String(part),
    extra: {
      ...rest,
      ...(i === 0 ? replying : {}),
      // Buttons stand under the last part, where the reader ends.
      ...(i === parts.length - 1 ? buttons : {}),
      ...(isHtml ? { parse_mode: 'HTML' } : {}),
    },
  }))
}
