import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'ButtonPayload',
  tableName: 'button_payloads',
  properties: {
    /** Short enough for `callback_data`. */
    id: p.string().length(32).primary(),
    plugin: p.text(),
    action: p.text(),
    data: p.json<Record<string, unknown>>().nullable(),
    /** Telegram id of the only one who may press; null for anybody. */
    presser: p.bigint('number').nullable(),
    chat: p.bigint('number').nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
    expiresAt: p.datetime(),
  },
})

/** What a button carries when it doesn't fit into Telegram's 64 bytes. */
export class ButtonPayload extends schema.class {}

schema.setClass(ButtonPayload)
