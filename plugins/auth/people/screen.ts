import {
  AccessGrant,
  AccessRole,
  type ActiveUser,
  ApiToken,
  AuditEntry,
  BotUser,
  type Button,
  buttons,
  type Content,
  edit,
  type Html,
  html,
  message,
  type OpsContext,
  UserSession,
} from 'opsgram'
import type { ActorRights } from '../gate/actor-rights.ts'
import type { Owners } from '../gate/owners.ts'
import { readMetadata } from '../person-metadata.ts'
import { type Granting, giveGrant, takeGrant } from '../rights/give.ts'
import { grantLine } from '../rights/list.ts'
import { standingOf } from '../rights/roles.ts'
import { givenRoles, isAbove } from '../roles.ts'
import { type Act, parseAct } from './act.ts'
import { cardOf } from './card.ts'
import { changePerson, outOfReach, type Wish, wasLetIn } from './change.ts'
import type { ButtonMaker, MenuOf } from './keys.ts'
import { ago, nameOf } from './name.ts'
import { stateOf } from './state.ts'

/** Who looks, and how their buttons are made. */
export type Looking = OpsContext &
  Granting &
  ButtonMaker & {
    readonly actor: ActiveUser
    readonly plugin: { readonly owners: Owners; readonly rights: ActorRights }
    can(permission: 'auth.grants'): boolean
  }

type Keys = readonly (readonly Button[])[]

const recentActions = 5
/** So many of the roles that were made here stand on buttons; all can be given by /users role. */
const ownRoles = 20
const perRow = 2
const permissionsOnAPage = 8
const dayChoices = [1, 7, 30, 0] as const

/** A person's screen: what is on record, and what this asker may do about it. */
export async function personScreen(
  ctx: Looking,
  telegramId: number,
): Promise<[Html | string, Keys]> {
  const { em, t } = ctx
  const person = await em.findOne(BotUser, { telegramId })
  if (person === null) return [t('notFound.unknown-id', { named: telegramId }), [[back(ctx)]]]
  const grants = await em.find(
    AccessGrant,
    { person: telegramId },
    { orderBy: { createdAt: 'asc' } },
  )
  const recent = await em.find(
    AuditEntry,
    { actorId: telegramId },
    { orderBy: { createdAt: 'desc' }, limit: recentActions },
  )
  const dialogs = await em.find(UserSession, { userId: telegramId }, { limit: recentActions })
  const tokens = await em.count(ApiToken, { person: telegramId })
  const { added } = readMetadata(person.metadata)
  const adder = added === undefined ? null : await em.findOne(BotUser, { telegramId: added.by })
  const now = ctx.now()
  const text = html`${cardOf(person, adder, ctx)}${[
    grants.length > 0 && html`\n\n${t('card.grants')}`,
    grants.map((grant) => html`\n<code>${grant.id}</code> ${grantLine(grant, ctx)}`),
    dialogs.length > 0 && html`\n\n${t('card.sessions')}`,
    dialogs.map(
      ({ plugin, name, step, chatId, updatedAt }) =>
        html`\n${plugin}: ${name}, ${step}${chatId !== telegramId && ` (${chatId})`}, ${ago(updatedAt, now, ctx.language)}`,
    ),
    tokens > 0 && html`\n\n${t('card.tokens', { count: tokens, id: telegramId })}`,
    recent.length > 0 && html`\n\n${t('card.recent')}`,
    recent.map(
      ({ action, outcome, target, createdAt }) =>
        html`\n${outcome === 'done' ? '✓' : '✗'} ${action}${target && ` → ${target}`}, ${ago(createdAt, now, ctx.language)}`,
    ),
  ]}`
  return [text, [...(await keysFor(ctx, person, dialogs.length > 0)), [back(ctx)]]]
}

async function keysFor(ctx: Looking, person: BotUser, isTalking: boolean): Promise<Keys> {
  if ((await outOfReach(ctx, ctx.plugin.owners, person)) !== undefined) return []
  const { t } = ctx
  const id = person.telegramId
  const menu = (of: MenuOf) => ctx.button('menu', { id, of }, { label: t(`menu.${of}`) })
  const sure = (act: string, label: string) => ctx.button('sure', { id, act }, { label: t(label) })
  if (person.status === 'blocked') return [[sure('unblock', 'menu.unblock')]]
  const block = sure('block', 'menu.block')
  if (person.status === 'pending' && !wasLetIn(person)) return [[menu('add')], [block]]
  const rights = ctx.can('auth.grants') ? [[menu('rights')]] : []
  const sessions = isTalking ? [[sure('sessions', 'menu.sessions')]] : []
  return [[menu('role'), menu('time')], ...rights, ...sessions, [block]]
}

/** A choice of what to do, each of which is asked for once more. */
export async function menuScreen(
  ctx: Looking,
  { id, of, page = 1, permission }: { id: number; of: MenuOf; page?: number; permission?: string },
): Promise<Content> {
  const { t } = ctx
  const name = await nameFor(ctx, id)
  const sure = (act: string, label: string) => ctx.button('sure', { id, act }, { label })
  const choices = async (): Promise<readonly Button[]> => {
    switch (of) {
      case 'role':
      case 'add': {
        const by = await standingOf(ctx.em, ctx.actor.role)
        const own = await ctx.em.find(AccessRole, {}, { orderBy: { name: 'asc' }, limit: ownRoles })
        const all = [...givenRoles.map((name) => ({ name, base: name })), ...own]
        return all
          .filter(({ base }) => isAbove(by, base))
          .map(({ name }) => sure(`${of}:${name}`, t(`role.${name}`, { defaultValue: name })))
      }
      case 'time':
        return dayChoices.map((days) =>
          sure(`until:${days}`, t('days', { context: days === 0 ? 'ever' : '', count: days })),
        )
      case 'rights': {
        const grants = await ctx.em.find(AccessGrant, { person: id })
        const take = grants.map((grant) =>
          sure(`take:${grant.id}`, t('menu.take', { what: grant.permission })),
        )
        return [ctx.button('menu', { id, of: 'give' }, { label: t('menu.give') }), ...take]
      }
      case 'give': {
        const held = ctx.use.plugins.permissionsFor(ctx)
        const shown = held.slice((page - 1) * permissionsOnAPage, page * permissionsOnAPage)
        const more = held.length > page * permissionsOnAPage
        return [
          ...shown.map(({ name: permission }) =>
            ctx.button('menu', { id, of: 'for', permission }, { label: permission }),
          ),
          ...(more ? [ctx.button('menu', { id, of, page: page + 1 }, { label: '›' })] : []),
        ]
      }
      default:
        return dayChoices.map((days) =>
          sure(
            `grant:${permission}:${days}`,
            t('days', { context: days === 0 ? 'ever' : '', count: days }),
          ),
        )
    }
  }
  const found = await choices()
  const rows = Array.from({ length: Math.ceil(found.length / perRow) }, (_, row) =>
    found.slice(row * perRow, (row + 1) * perRow),
  )
  return edit(t(`choose.${of}`, { name, permission }), buttons(...rows, [toPerson(ctx, id)]))
}

/** What would be done, and whether it shall be. */
export async function sureScreen(ctx: Looking, id: number, given: string): Promise<Content> {
  const { t } = ctx
  const act = parseAct(given)
  if (act === undefined) return edit(t('sure.unknown'), buttons([toPerson(ctx, id)]))
  const fingerprint = await stateOf(ctx.em, id)
  const yes = ctx.button('do', { id, act: given }, { label: t('sure.yes'), fingerprint })
  return edit(
    sentence(ctx, act, await nameFor(ctx, id)),
    buttons([yes], [toPerson(ctx, id, t('sure.no'))]),
  )
}

function sentence({ t }: Looking, act: Act, name: string): string {
  const days =
    'days' in act ? t('days', { context: act.days === 0 ? 'ever' : '', count: act.days }) : ''
  const role = 'role' in act ? t(`role.${act.role}`, { defaultValue: act.role }) : ''
  return t(`sure.${act.kind}`, { name, days, role, ...('what' in act ? { what: act.what } : {}) })
}

/** Does what was asked for, by the rules of this very moment. @returns what came of it */
async function carryOut(ctx: Looking, id: number, given: string): Promise<string> {
  const act = parseAct(given)
  const forMs =
    act !== undefined && 'days' in act && act.days > 0 ? act.days * 86_400_000 : undefined
  if (act === undefined) return ctx.t('sure.unknown')
  switch (act.kind) {
    case 'grant':
      if (!ctx.can('auth.grants'))
        return ctx.t('grants.refused.notHeld', { permission: 'auth.grants' })
      return giveGrant(ctx, {
        who: String(id),
        what: act.what,
        effect: 'allow',
        forMs,
        reason: undefined,
      })
    case 'take':
      if (!ctx.can('auth.grants'))
        return ctx.t('grants.refused.notHeld', { permission: 'auth.grants' })
      return takeGrant(ctx, act.what)
    case 'sessions':
      return endSessions(ctx, id)
    default:
      return (await changePerson(ctx, ctx.plugin.owners, String(id), wishOf(act, forMs))).text
  }
}

/** The same, and the person as they are then. */
export async function doneScreen(ctx: Looking, id: number, given: string): Promise<Content> {
  const text = await carryOut(ctx, id, given)
  // so that the screen shows what is
  await ctx.commit()
  await ctx.answerCbQuery(text.slice(0, 200))
  const [screen, keys] = await personScreen(ctx, id)
  return edit(screen, buttons(...keys))
}

/** Ends what a person has begun and not finished: the next answer of theirs is to nothing. */
async function endSessions(ctx: Looking, id: number): Promise<string> {
  const { em, t, actor, facts } = ctx
  const person = await em.findOne(BotUser, { telegramId: id })
  if (person === null) return t('notFound.unknown-id', { named: id })
  const refusal = await outOfReach(ctx, ctx.plugin.owners, person)
  if (refusal !== undefined) return t(`refused.${refusal}`)
  const dialogs = await em.find(UserSession, { userId: id })
  for (const dialog of dialogs) em.remove(dialog)
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action: 'users.sessions',
    target: `user:${id}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    before: { dialogs: dialogs.map(({ plugin, name }) => `${plugin}.${name}`) },
  })
  return t('sessions.ended', { name: nameOf(person), count: dialogs.length })
}

function wishOf(
  act: Exclude<Act, { kind: 'grant' | 'take' | 'sessions' }>,
  forMs: number | undefined,
): Wish {
  switch (act.kind) {
    case 'add':
      return { kind: 'add', role: act.role, name: undefined }
    case 'role':
      return { kind: 'role', role: act.role }
    case 'until':
      return { kind: 'until', forMs }
    case 'block':
      return { kind: 'block', reason: undefined }
    case 'unblock':
      return { kind: 'unblock' }
  }
}

export async function shownPerson(ctx: Looking, id: number): Promise<Content> {
  const [text, keys] = await personScreen(ctx, id)
  return message(text, buttons(...keys))
}

async function nameFor({ em }: Pick<OpsContext, 'em'>, telegramId: number): Promise<string> {
  const person = await em.findOne(BotUser, { telegramId })
  return person === null ? String(telegramId) : nameOf(person)
}

function toPerson(ctx: Looking, id: number, label = ctx.t('menu.back')): Button {
  return ctx.button('person', { id }, { label })
}

function back(ctx: Looking): Button {
  return ctx.button('page', { page: 1 }, { label: ctx.t('menu.people') })
}
