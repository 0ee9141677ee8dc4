import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'AccessLockdown',
  tableName: 'access_lockdown',
  properties: {
    /** 1: there is one lockdown, or none. */
    id: p.integer().primary(),
    /** Telegram id of the owner who froze the bot. */
    by: p.bigint('number'),
    reason: p.text().nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
})

/** While its row is there, owners alone are let in. */
export class AccessLockdown extends schema.class {}

schema.setClass(AccessLockdown)
