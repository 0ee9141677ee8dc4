import { type GuardedCommand, type Html, html, type Place, type Translate } from 'opsgram'
import type { PersonRow } from '../gate/person-row.ts'
import { type Decision, decide, placesOf } from './decide.ts'
import { momentOf, placeName } from './list.ts'

export interface Asked {
  readonly name: string
  readonly row: Pick<PersonRow, 'rights' | 'telegram_id'>
  /** Whether they are let in at all: what `why.gate.<gate>` says if not. */
  readonly gate: 'open' | 'unknown' | 'pending' | 'blocked' | 'over' | 'lockdown'
  readonly guard: GuardedCommand
  /** Where; undefined: in their private chat. */
  readonly place: (Place & { readonly chatId: number }) | undefined
  /** Somebody switched the plugin off in that chat. */
  readonly isOffThere: boolean
  /** Unix time, ms. */
  readonly now: number
}

interface Reader {
  readonly t: Translate
  readonly language: string
  readonly timeZone: string
}

type Permission = NonNullable<GuardedCommand['permission']>

/** Why a person may use a command, or may not: what counts first, and what else stands in the way. */
export function explain(asked: Asked, reader: Reader): Html {
  const { name, row, gate, guard, now } = asked
  const { t } = reader
  const { permission, audience, chats, path, former } = guard
  const place = asked.place ?? { chatId: row.telegram_id }
  const isPrivate = place.chatId > 0
  const isOwner = row.rights.role === 'owner'
  const decided = permission && decide(row.rights, permission, place, now)
  const isOpen = audience === 'everyone' && !['blocked', 'lockdown'].includes(gate)
  const isHere = asked.place === undefined || chats !== (isPrivate ? 'group' : 'private')
  const before = former?.permission && decide(row.rights, former.permission, place, now)
  const passesFormer =
    isOwner || former === undefined || (!former.isClosed && before?.allowed !== false)
  const isIn = gate === 'open' && decided?.allowed !== false && passesFormer
  const may = (isIn || isOpen) && isHere && !asked.isOffThere
  const role = roleName(row.rights.role, t)
  const reasons = [
    gate !== 'open' && t(`why.gate.${gate}`),
    audience === 'everyone' && t('why.everyone'),
    audience !== 'everyone' && permission === undefined && t('why.open'),
    ...(permission === undefined || decided === undefined
      ? []
      : [
          t('why.permission', { permission: permission.name }),
          groundOf(decided, permission.roles, role, reader),
          ...endedOf(row, permission, now, reader),
          ...(asked.place === undefined ? elsewhere({ row, permission, now }, decided, t) : []),
        ]),
    guard.rolesUnapproved.length > 0 &&
      !isOwner &&
      t('why.rolesUnapproved', { roles: namesOf(guard.rolesUnapproved, t) }),
    former !== undefined &&
      !isOwner &&
      t(former.isClosed ? 'why.unapproved' : 'why.former', {
        permission: former.permission?.name,
      }),
    chats === 'private' && t('why.private'),
    chats === 'group' && t('why.group'),
    asked.isOffThere && t('why.offThere', { plugin: guard.plugin }),
    guard.confirm !== undefined && t(`why.confirm.${guard.confirm}`),
    guard.out !== undefined && t(`why.out.${guard.out}`, { plugin: guard.plugin }),
  ]
  const where =
    asked.place === undefined
      ? ''
      : ` ${t('grants.inChat', { chat: placeName(asked.place.chatId, asked.place.threadId) })}`
  const head = t(may ? 'why.yes' : 'why.no', { name, role, command: `/${path}`, where })
  return html`<b>${head}</b>${reasons.map((reason) => reason && html`\n• ${reason}`)}`
}

function groundOf(
  { allowed, ground }: Decision,
  roles: readonly string[],
  role: string,
  reader: Reader,
): string {
  const { t } = reader
  switch (ground.kind) {
    case 'owner':
      return t('why.owner')
    case 'grant': {
      const { id, permission, until, reason, chat, thread } = ground.grant
      const text = t(`why.grant.${ground.to}.${allowed ? 'allow' : 'deny'}`, {
        id,
        permission,
        role,
      })
      const there = chat === null ? [] : [t('grants.inChat', { chat: placeName(chat, thread) })]
      const end = until === null ? [] : [t('until', { when: timeOf(until, reader) })]
      const line = [text, ...there, ...end].join(', ')
      return reason === null ? `${line}.` : `${line} (${reason}).`
    }
    case 'manifest':
      return t('why.manifest', { role: roleName(ground.role, t) })
    case 'nothing': {
      const key = roles.length === 0 ? 'why.nothingOwners' : 'why.nothing'
      return t(key, { roles: namesOf(roles, t), role })
    }
  }
}

/** Grants that would have counted, and whose time is over: the commonest reason why something worked yesterday. */
function endedOf(
  { rights }: Asked['row'],
  { name }: Permission,
  now: number,
  reader: Reader,
): string[] {
  return [rights.own, rights.ofRole].flatMap((index) =>
    index.about(name).flatMap(({ id, permission, until }) => {
      if (until === null || now < until) return []
      return [reader.t('why.ended', { id, permission, when: timeOf(until, reader) })]
    }),
  )
}

/** Places where it is otherwise than in their private chat. */
function elsewhere(
  { row, permission, now }: Pick<Asked, 'row' | 'now'> & { readonly permission: Permission },
  here: Decision,
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
    return allowed === here.allowed ? [] : [t(allowed ? 'why.alsoIn' : 'why.notIn', { chat })]
  })
}

function timeOf(at: number, reader: Reader): string {
  return momentOf(new Date(at), reader)
}

function roleName(role: string, t: Translate): string {
  return t(`role.${role}`, { defaultValue: role })
}

function namesOf(roles: readonly string[], t: Translate): string {
  return roles.map((role) => roleName(role, t)).join(', ')
}
