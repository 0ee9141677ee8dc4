import { defineEntity, p } from '@mikro-orm/core'
import { ulid } from 'ulid'

/** `pending`: wrote but was never let in. */
export type UserStatus = 'active' | 'pending' | 'blocked'

const schema = defineEntity({
  name: 'BotUser',
  tableName: 'bot_users',
  properties: {
    id: p
      .string()
      .length(26)
      .primary()
      .onCreate(() => ulid()),
    // Telegram ids have at most 52 significant bits (core.telegram.org/bots/api#user): exact as numbers.
    telegramId: p.bigint('number').unique(),
    username: p.text().nullable(),
    firstName: p.text().nullable(),
    lastName: p.text().nullable(),
    /** Telegram's own, a first guess: it is written anew with each change of it. */
    language: p.text().nullable(),
    /** The person's choice; null: what Telegram says. */
    chosenLanguage: p.text().nullable(),
    timeZone: p.text().nullable(),
    role: p.text().default('guest'),
    status: p.text().$type<UserStatus>().default('pending'),
    metadata: p.json<Record<string, unknown>>().onCreate(() => ({})),
    /** Grows with every change of what the person may do: whoever cached their rights compares it. */
    authEpoch: p.integer().default(0),
    /** When their access ends; null: never. */
    accessUntil: p.datetime().nullable(),
    lastSeenAt: p.datetime().nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
    blockedReason: p.text().nullable(),
    blockedAt: p.datetime().nullable(),
    version: p.integer().version(),
  },
})

/** A person known to the bot. `id` is ours and known at `em.create`; `telegramId` is Telegram's. */
export class BotUser extends schema.class {}

schema.setClass(BotUser)
