import type { Entity } from '../orm.ts'
import { AccessGrant } from './access-grant.ts'
import { AccessLockdown } from './access-lockdown.ts'
import { AccessRole } from './access-role.ts'
import { ApiToken } from './api-token.ts'
import { AuditEntry } from './audit-entry.ts'
import { BotUser } from './bot-user.ts'
import { ButtonPayload } from './button-payload.ts'
import { ChatSettings } from './chat-settings.ts'
import { InboxRow } from './inbox-row.ts'
import { UserSession } from './user-session.ts'

/** The core's own entities; every generation has them. */
export const coreEntities: readonly Entity[] = [
  AccessGrant,
  AccessLockdown,
  AccessRole,
  ApiToken,
  AuditEntry,
  BotUser,
  ButtonPayload,
  ChatSettings,
  InboxRow,
  UserSession,
]
