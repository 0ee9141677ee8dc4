import { badRequest } from '../failure.ts'
import type { ApiInlineButton, ApiInlineKeyboard, ApiReplyKeyboard } from '../wire.ts'
import { checkedLink } from './link.ts'

/** A message's `reply_markup`: buttons under it, or what stands under the input field. */
export interface Markup {
  inline?: ApiInlineKeyboard
  reply?: ApiReplyKeyboard
}

/**
 * Reads `reply_markup` as Telegram does.
 * @throws {ApiFailure} 400 for shapes and button data that Telegram refuses
 */
export function parseMarkup(value: unknown): Markup {
  if (value === undefined || value === null || value === '') return {}
  if (!isObject(value)) throw badRequest('object expected as reply markup')
  if ('inline_keyboard' in value) {
    const inline_keyboard = rows(value.inline_keyboard, 'inline').map((row) =>
      row.map(inlineButton),
    )
    if (inline_keyboard.flat().length > 100) throw badRequest('reply markup is too long')
    const kept = inline_keyboard.filter((row) => row.length > 0)
    return kept.length > 0 ? { inline: { inline_keyboard: kept } } : {}
  }
  if ('keyboard' in value) {
    const keyboard = rows(value.keyboard, 'reply').map((row) => row.map(replyButton))
    return {
      reply: {
        keyboard,
        ...flag(value, 'resize_keyboard'),
        ...flag(value, 'one_time_keyboard'),
        ...placeholder(value),
      },
    }
  }
  if (value.remove_keyboard === true) return { reply: { remove_keyboard: true } }
  if (value.force_reply === true) return { reply: { force_reply: true, ...placeholder(value) } }
  return {}
}

function inlineButton(button: unknown): ApiInlineButton {
  if (!isObject(button)) throw badRequest("can't parse inline keyboard button: must be an Object")
  const text = button.text
  if (typeof text !== 'string' || text.trim() === '') {
    throw badRequest('can\'t parse inline keyboard button: Can\'t find field "text"')
  }
  const { callback_data: data, url } = button
  if (typeof data === 'string') {
    const bytes = Buffer.byteLength(data)
    if (bytes < 1 || bytes > 64) throw badRequest('BUTTON_DATA_INVALID')
    return { ...button, text, callback_data: data }
  }
  if (typeof url === 'string') {
    const link = checkedLink(url)
    if (!link) {
      throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`)
    }
    return { ...button, text, url: link }
  }
  if (Object.keys(button).length === 1) {
    throw badRequest(
      "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    )
  }
  return { ...button, text }
}

function replyButton(button: unknown): { text: string } {
  if (typeof button === 'string') return { text: button }
  if (isObject(button) && typeof button.text === 'string') return { ...button, text: button.text }
  throw badRequest("can't parse keyboard button: must be a String or an Object")
}

function rows(value: unknown, kind: string): unknown[][] {
  if (!Array.isArray(value) || !value.every(Array.isArray)) {
    throw badRequest(`can't parse ${kind} keyboard markup: must be an Array of Arrays`)
  }
  return value
}

function flag(value: Record<string, unknown>, name: string): Record<string, true> {
  return value[name] === true ? { [name]: true } : {}
}

function placeholder(value: Record<string, unknown>): { input_field_placeholder?: string } {
  const text = value.input_field_placeholder
  return typeof text === 'string' ? { input_field_placeholder: text } : {}
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
