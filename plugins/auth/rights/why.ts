import { type GuardedCommand, type Html, html, type Translate } from 'opsgram'
import type { PersonRow } from '../gate/person-row.ts'
import { type Decision, decide, placesOf } from './decide.ts'
import { momentOf, placeName } from './list.ts'

export interface Asked {
  readonly name: string
  readonly row: PersonRow
  /** Whether they are let in at all: what `why.gate.<gate>` says if not. */
  readonly gate: 'open' | 'pending' | 'blocked' | 'over' | 'lockdown'
  readonly guard: GuardedCommand
  /** Unix time, ms. */
  readonly now: number
}

interface Reader {
  readonly t: Translate
  readonly language: string
  readonly timeZone: string
}

/** Why a person may use a command, or may not: what counts first, and what else stands in the way. */
export function explain({ name, row, gate, guard, now }: Asked, reader: Reader): Html {
  const { t } = reader
  const { permission, audience, chats, path } = guard
  const closed = gate !== 'open'
  const decided =
    permission === undefined
      ? undefined
      : decide(row.rights, permission, { chatId: row.telegram_id }, now)
  const isOpen = audience === 'everyone' && gate !== 'blocked' && gate !== 'lockdown'
  const may = isOpen || (!closed && decided?.allowed !== false)
  const role = t(`role.${row.rights.role}`, { defaultValue: row.rights.role })
  const reasons = [
    closed && t(`why.gate.${gate}`),
    audience === 'everyone' && t('why.everyone'),
    audience !== 'everyone' && permission === undefined && t('why.open'),
    permission !== undefined && t('why.permission', { permission: permission.name }),
    permission !== undefined &&
      decided !== undefined &&
      groundOf(decided, permission.roles, role, reader),
    ...(permission === undefined ? [] : elsewhere({ row, permission, now }, decided, t)),
    chats === 'private' && t('why.private'),
    chats === 'group' && t('why.group'),
    guard.awaitsApproval && row.rights.role !== 'owner' && t('why.unapproved'),
    guard.isQuarantined && t('why.quarantined'),
  ]
  const head = t(may ? 'why.yes' : 'why.no', { name, role, command: `/${path}` })
  return html`<b>${head}</b>${reasons.map((reason) => reason && html`\n• ${reason}`)}`
}

function groundOf(
  { allowed, ground }: Decision,
  roles: readonly string[],
  role: string,
  { t, language, timeZone }: Reader,
): string {
  switch (ground.kind) {
    case 'owner':
      return t('why.owner')
    case 'grant': {
      const { id, permission, until, reason } = ground.grant
      const text = t(`why.grant.${ground.to}.${allowed ? 'allow' : 'deny'}`, {
        id,
        permission,
        role,
      })
      const end =
        until === null
          ? []
          : [t('until', { when: momentOf(new Date(until), { language, timeZone }) })]
      return [text, ...end, ...(reason === null ? [] : [`(${reason})`])].join(' ')
    }
    case 'manifest':
      return t('why.manifest', { role: t(`role.${ground.role}`) })
    case 'nothing': {
      const held = roles.map((one) => t(`role.${one}`)).join(', ')
      return t(roles.length === 0 ? 'why.nothingOwners' : 'why.nothing', { roles: held, role })
    }
  }
}

/** Places where it is otherwise than in their private chat. */
function elsewhere(
  {
    row,
    permission,
    now,
  }: { row: PersonRow; permission: { name: string; roles: readonly string[] }; now: number },
  here: Decision | undefined,
  t: Translate,
): string[] {
  const places = new Map(
    placesOf(row.rights, permission.name).map((place) => [
      placeName(place.chatId, place.threadId),
      place,
    ]),
  )
  return [...places].flatMap(([chat, place]) => {
    const { allowed } = decide(row.rights, permission, place, now)
    return allowed === here?.allowed ? [] : [t(allowed ? 'why.alsoIn' : 'why.notIn', { chat })]
  })
}
