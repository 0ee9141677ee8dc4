import { defineEntity, p } from '@mikro-orm/core'
import { ulid } from 'ulid'

/** How an attempt ended, as the audit log keeps it. */
export type AuditOutcome = 'done' | 'refused' | 'failed'

const schema = defineEntity({
  name: 'AuditEntry',
  tableName: 'audit_log',
  properties: {
    id: p
      .string()
      .length(26)
      .primary()
      .onCreate(() => ulid()),
    // No foreign key: what somebody did stays on record when they are gone, and strangers act too.
    /** Telegram id of who did it; null for the bot itself. */
    actorId: p.bigint('number').nullable(),
    /** Their name at that time. */
    actorName: p.text().nullable(),
    plugin: p.text().nullable(),
    /** What was done: a permission or a dotted name, `users.block`. */
    action: p.text(),
    /** What it was done to, as `kind:id`. */
    target: p.text().nullable(),
    chatId: p.bigint('number').nullable(),
    outcome: p.text().$type<AuditOutcome>(),
    /** Why it was refused or failed: a code. */
    reason: p.text().nullable(),
    before: p.json<Record<string, unknown>>().nullable(),
    after: p.json<Record<string, unknown>>().nullable(),
    errorId: p.text().nullable(),
    createdAt: p.datetime().onCreate(() => new Date()),
  },
})

/** Who did what, where, with which outcome. Rows are only ever added: the table refuses updates. */
export class AuditEntry extends schema.class {}

schema.setClass(AuditEntry)
