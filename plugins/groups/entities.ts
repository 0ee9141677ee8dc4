import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'GroupChat',
  tableName: 'groups_chats',
  properties: {
    chatId: p.bigint('number').primary().autoincrement(false),
    title: p.text(),
    /** `group`, `supergroup` or `channel`. */
    type: p.text(),
    /** The bot's own, as Telegram calls it: `member`, `administrator`, `restricted`, `left`, `kicked`; else `unknown`. */
    status: p.text(),
    /** False: it may read there, and not write. */
    canSend: p.boolean().default(true),
    /** Telegram id of who brought the bot there; null: it was there before anybody looked. */
    addedBy: p.bigint('number').nullable(),
    addedByName: p.text().nullable(),
    addedAt: p.datetime().nullable(),
    approvedBy: p.bigint('number').nullable(),
    approvedByName: p.text().nullable(),
    approvedAt: p.datetime().nullable(),
    /** When the bot leaves, unless somebody approves it before. */
    leaveAt: p.datetime().nullable(),
    leavingAt: p.datetime().nullable(),
    leftAt: p.datetime().nullable(),
    /** When Telegram was last asked what the bot may do there. */
    lookedAt: p.datetime().nullable(),
    seenAt: p.datetime().onCreate(() => new Date()),
    version: p.integer().version(),
  },
})

/** A group, supergroup or channel that the bot is in, or was. */
export class GroupChat extends schema.class {}

schema.setClass(GroupChat)

const eventSchema = defineEntity({
  name: 'GroupEvent',
  tableName: 'groups_events',
  properties: {
    id: p.bigint('number').primary(),
    updateId: p.bigint('number'),
    nth: p.integer(),
    chatId: p.bigint('number'),
    kind: p.text(),
    person: p.bigint('number'),
    personName: p.text(),
    byId: p.bigint('number').nullable(),
    byName: p.text().nullable(),
    /** Those who see groups were told. */
    reported: p.boolean().default(false),
    at: p.datetime(),
  },
})

/** What happened to a member of a chat, or to the bot there. */
export class GroupEvent extends eventSchema.class {}

eventSchema.setClass(GroupEvent)
