import { defineEntity, p } from '@mikro-orm/core'

const schema = defineEntity({
  name: 'AccessGrant',
  tableName: 'access_grants',
  properties: {
    /** Short enough to be read out and typed: `K7Q2MX`. */
    id: p.text().primary(),
    /** To whom: a role, or a person's Telegram id, one of both. */
    role: p.text().nullable(),
    person: p.bigint('number').nullable(),
    /** A permission, or a pattern of some: `worklog.write`, `worklog.*`, `*`. */
    permission: p.text(),
    effect: p.text().$type<'allow' | 'deny'>(),
    /** Where it holds; null: everywhere. */
    chatId: p.bigint('number').nullable(),
    threadId: p.bigint('number').nullable(),
    /** When it ends; null: never. */
    expiresAt: p.datetime().nullable(),
    reason: p.text().nullable(),
    createdBy: p.bigint('number').nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
})

/**
 * A right given to a role or a person, or taken away. Made and removed, never changed; either counts as a change of
 * whomever it concerns: the database raises their `auth_epoch`.
 */
export class AccessGrant extends schema.class {}

schema.setClass(AccessGrant)
