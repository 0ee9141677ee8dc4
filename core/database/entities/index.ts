import type { Entity } from '../orm.ts'
import { AuditEntry } from './audit-entry.ts'
import { BotUser } from './bot-user.ts'
import { ButtonPayload } from './button-payload.ts'
import { InboxRow } from './inbox-row.ts'

/** The core's own entities; every generation has them. */
export const coreEntities: readonly Entity[] = [AuditEntry, BotUser, ButtonPayload, InboxRow]
