import { defineEntity, p } from '@mikro-orm/core'
import { BotUser, ulid } from 'opsgram'

const schema = defineEntity({
  name: 'Asset',
  tableName: 'assets_assets',
  properties: {
    id: p
      .string()
      .length(26)
      .primary()
      .onCreate(() => ulid()),
    tag: p.text(),
    holder: () => p.manyToOne(BotUser).nullable(),
    // of two writers at once the later one fails, instead of undoing the first
    version: p.integer().version(),
  },
})

/** A thing with a number on it, and who has it. */
export class Asset extends schema.class {}

schema.setClass(Asset)
