import { defineEntity, p } from '@mikro-orm/core'
import { BotUser, ulid } from 'opsgram'

const schema = defineEntity({
  name: 'SampleNote',
  tableName: 'sample_notes',
  properties: {
    id: p
      .string()
      .length(26)
      .primary()
      .onCreate(() => ulid()),
    author: () => p.manyToOne(BotUser),
    text: p.text(),
    createdAt: p.datetime().onCreate(() => new Date()),
    // of two changes at once the later one fails, instead of undoing the first
    version: p.integer().version(),
  },
})

/** A note that somebody wrote down. */
export class SampleNote extends schema.class {}

schema.setClass(SampleNote)
