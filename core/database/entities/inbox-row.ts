import { defineEntity, p } from '@mikro-orm/core'

/** 0 open, 1 done, 2 dead letter. */
export const inboxState = { open: 0, done: 1, dead: 2 } as const

const schema = defineEntity({
  name: 'InboxRow',
  tableName: 'inbox',
  primaryKeys: ['updateId', 'botId'],
  properties: {
    botId: p.bigint('number').primary().autoincrement(false),
    updateId: p.bigint('number').primary().autoincrement(false),
    /** Partition of the lane, for several instances. */
    part: p.smallint(),
    /** Order is kept inside a lane (`factsOf(update).lane`). */
    lane: p.text(),
    /** Accept order, given by the database; `update_id` may jump (core.telegram.org/bots/api#update). */
    seq: p.bigint('number').persist(false),
    state: p.smallint().default(inboxState.open),
    tries: p.smallint().default(0),
    /** The update as Telegram sent it; null once done. */
    payload: p.text().nullable(),
    error: p.text().nullable(),
    errorId: p.text().nullable(),
    receivedAt: p.datetime(),
    doneAt: p.datetime().nullable(),
  },
})

/** An accepted update. Written by plain SQL in batches; as an entity it is for screens that read it. */
export class InboxRow extends schema.class {}

schema.setClass(InboxRow)
