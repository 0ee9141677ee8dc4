import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'UserSession',
  tableName: 'user_sessions',
  primaryKeys: ['chatId', 'userId'],
  properties: {
    chatId: p.bigint('number').primary().autoincrement(false),
    /** Telegram id. */
    userId: p.bigint('number').primary().autoincrement(false),
    plugin: p.text(),
    /** Of the dialog; `/log`: a command that asks for what it lacks. */
    name: p.text(),
    step: p.text(),
    /** Of the dialog, by which `context` was written. */
    version: p.integer(),
    revision: p.text(),
    /** Id in the outbox of the message that asks; null: it is not known. */
    question: p.bigint('number').nullable(),
    context: p.json<Record<string, unknown>>(),
    updatedAt: p.datetime(),
    expiresAt: p.datetime(),
  },
})

/** An open dialog. Written by plain SQL, compare-and-set; as an entity it is for screens that show or end it. */
export class UserSession extends schema.class {}

schema.setClass(UserSession)
