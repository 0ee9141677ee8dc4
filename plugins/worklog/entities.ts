import { defineEntity, p } from '@mikro-orm/core'
import { BotUser, ulid } from 'opsgram'

const schema = defineEntity({
  name: 'WorklogEntry',
  tableName: 'worklog_entries',
  properties: {
    id: p
      .string()
      .length(26)
      .primary()
      .onCreate(() => ulid()),
    author: () => p.manyToOne(BotUser),
    text: p.text(),
    minutes: p.integer(),
    ticket: p.text().nullable(),
    workedAt: p.datetime(),
    chatId: p.bigint('number'),
    createdAt: p.datetime().onCreate(() => new Date()),
    deletedAt: p.datetime().nullable(),
    // without it two presses at once would both "win"
    version: p.integer().version(),
  },
})

/** A piece of work that somebody wrote down. An undone one stays, with `deletedAt`. */
export class WorklogEntry extends schema.class {}

schema.setClass(WorklogEntry)
