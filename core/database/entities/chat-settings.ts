import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'ChatSettings',
  tableName: 'chat_settings',
  properties: {
    chatId: p.bigint('number').primary().autoincrement(false),
    /** In which everybody is answered there; null: each in their own. */
    language: p.text().nullable(),
    timeZone: p.text().nullable(),
    /** Names of the plugins that are switched off there. */
    pluginsOff: p.json<string[]>().onCreate(() => []),
    changedAt: p
      .datetime()
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    version: p.integer().version(),
  },
})

/** What was decided for one chat; most have no row. */
export class ChatSettings extends schema.class {}

schema.setClass(ChatSettings)
