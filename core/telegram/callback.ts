import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import { OpsError } from '../errors.ts'

/** Longest data of a button, bytes of UTF-8 (Bot API, InlineKeyboardButton). */
export const maxButtonData = 64

/** A button as its plugin means it. */
export interface ButtonAction {
  readonly plugin: string
  readonly action: string
  /** Anything JSON can say; undefined when the action needs none. */
  readonly payload?: unknown
  /** The one person who may press it; absent: anyone who has the permission. */
  readonly presser?: number
}

/** How a button's data has to be sent. */
export type EncodedButton =
  | { readonly form: 'inline'; readonly data: string }
  /** The payload doesn't fit: keep it, and presser with it, under an id and send {@link CallbackCodec.stored}. */
  | { readonly form: 'stored' }

/** What pressed data turned out to be. */
export type DecodedButton =
  | {
      readonly kind: 'inline'
      readonly plugin: string
      readonly action: string
      /** Signed by this bot, so what the plugin put there; still to be parsed by the action's schema. */
      readonly payload: unknown
      /** `person`: it was made for exactly this presser. */
      readonly boundTo: 'person' | 'anyone'
    }
  | {
      readonly kind: 'stored'
      readonly plugin: string
      readonly action: string
      /** Unsigned, so anybody may send it: whom the kept payload is for is checked where it is kept. */
      readonly id: string
    }
  /** Not ours: some Telegraf middleware's. */
  | { readonly kind: 'foreign' }
  | {
      readonly kind: 'invalid'
      /** `presser`: for one person, and either not this one or altered. */
      readonly reason: 'shape' | 'signature' | 'presser'
    }

/** Writes and reads the data of buttons: `v1:plugin:action:…` in at most 64 bytes. */
export interface CallbackCodec {
  encode(button: ButtonAction): EncodedButton
  /**
   * Data of a button whose payload is kept under `id`.
   * @throws OPS_BUTTON_DATA when the names leave no room for it
   */
  stored(plugin: string, action: string, id: string): string
  /** @param presser `from.id` of who pressed: the person, never the chat */
  decode(data: string, presser: number): DecodedButton
}

const version = 'v1:'
/** 64 bits: forging one needs about 2⁶³ presses, each a round trip to Telegram. */
const signatureBytes = 8
const signatureLength = 11

/**
 * Telegram passes on whatever a modified client sends as data, so inline payloads are signed
 * (HMAC-SHA-256, cut to 8 bytes) over bot, plugin, action, payload and presser.
 * @param token the key is derived from it: another bot's buttons, or those from before a new token, are not accepted
 */
export function createCallbackCodec(token: string): CallbackCodec {
  const key = Buffer.from(hkdfSync('sha256', token, '', 'opsgram/button-data/v1', 32))

  function signature(plugin: string, action: string, presser: string, payload: string): string {
    // JSON keeps the parts apart, so no two different buttons have one signed text.
    return createHmac('sha256', key)
      .update(JSON.stringify([plugin, action, presser, payload]))
      .digest()
      .subarray(0, signatureBytes)
      .toString('base64url')
  }

  return {
    encode({ plugin, action, payload, presser }) {
      const json = payload === undefined ? '' : JSON.stringify(payload)
      const marker = presser === undefined ? 'a' : 'u'
      const signed = signature(plugin, action, marker + (presser ?? ''), json)
      const data = `${version}${plugin}:${action}:${marker}${signed}${json}`
      return fits(data) ? { form: 'inline', data } : { form: 'stored' }
    },

    stored(plugin, action, id) {
      const data = `${version}${plugin}:${action}:s${id}`
      if (fits(data)) return data
      throw new OpsError(
        'OPS_BUTTON_DATA',
        `The button ${plugin}:${action} needs ${Buffer.byteLength(data)} bytes, Telegram allows ${maxButtonData}`,
        { details: { plugin, action } },
      )
    },

    decode(data, presser) {
      if (!data.startsWith(version)) return { kind: 'foreign' }
      const parts = /^v1:([^:]+):([^:]+):([aus])(.*)$/s.exec(data)
      const [, plugin, action, marker, rest] = parts ?? []
      if (plugin === undefined || action === undefined || rest === undefined) {
        return { kind: 'invalid', reason: 'shape' }
      }
      if (marker === 's') {
        return rest === ''
          ? { kind: 'invalid', reason: 'shape' }
          : { kind: 'stored', plugin, action, id: rest }
      }
      const given = rest.slice(0, signatureLength)
      const json = rest.slice(signatureLength)
      const bound = marker === 'u'
      const expected = signature(plugin, action, bound ? `u${presser}` : 'a', json)
      if (!sameText(given, expected)) {
        return { kind: 'invalid', reason: bound ? 'presser' : 'signature' }
      }
      return {
        kind: 'inline',
        plugin,
        action,
        payload: json === '' ? undefined : JSON.parse(json),
        boundTo: bound ? 'person' : 'anyone',
      }
    },
  }
}

function fits(data: string): boolean {
  return Buffer.byteLength(data) <= maxButtonData
}

/** Compares without telling by its duration where the difference is. */
function sameText(given: string, expected: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}
