import {
  AccessGrant,
  AccessRole,
  type ActiveUser,
  AuditEntry,
  BotUser,
  type EntityManager,
  type Html,
  html,
  type OpsContext,
  type Translate,
} from 'opsgram'
import { roles } from '../roles.ts'

type Asker = Pick<OpsContext, 'em' | 't' | 'facts'> & { readonly actor: ActiveUser }

/** The roles with what they stand for and how many people have them. */
export async function listRoles(em: EntityManager, t: Translate): Promise<Html> {
  const own = await em.find(AccessRole, {}, { orderBy: { name: 'asc' } })
  const counted = await em.execute<{ role: string; count: number | string }[]>(
    `select role, count(*) as count from bot_users where status = 'active' group by role`,
  )
  const people = new Map(counted.map(({ role, count }) => [role, Number(count)]))
  const line = (role: string, base?: string) => {
    const about = base === undefined ? '' : ` ← ${t(`role.${base}`)}`
    return html`\n• <code>${role}</code>${about}: ${t('roles.people', { count: people.get(role) ?? 0 })}`
  }
  const lines = [
    ...roles.map((role) => line(role)),
    ...own.map(({ name, base }) => line(name, base)),
  ]
  return html`<b>${t('roles.heading')}</b>${lines}`
}

/** Makes a role with the rights of another one to begin with. */
export async function addRole(
  asker: Asker,
  name: string,
  base: 'admin' | 'operator' | 'guest',
): Promise<string> {
  const { em, t, actor } = asker
  if (!/^[a-z][a-z0-9_-]{1,31}$/.test(name)) return t('roles.malformed', { name })
  const taken = roles.some((role) => role === name) || (await em.findOne(AccessRole, name)) !== null
  if (taken) return t('roles.taken', { name })
  em.create(AccessRole, { name, base, createdBy: actor.telegramId })
  audit(asker, 'roles.add', name, { base })
  return t('roles.added', { name, base: t(`role.${base}`) })
}

/** Takes a role away that nobody has; what was granted to it goes with it. */
export async function removeRole(asker: Asker, name: string): Promise<string> {
  const { em, t } = asker
  const role = await em.findOne(AccessRole, name)
  if (role === null) return t('roles.unknown', { name })
  const count = await em.count(BotUser, { role: name })
  if (count > 0) return t('roles.inUse', { name, count })
  for (const grant of await em.find(AccessGrant, { role: name })) em.remove(grant)
  em.remove(role)
  audit(asker, 'roles.remove', name, { base: role.base })
  return t('roles.removed', { name })
}

function audit(
  { em, actor, facts }: Asker,
  action: string,
  role: string,
  about: Record<string, unknown>,
): void {
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action,
    target: `role:${role}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    ...(action === 'roles.remove' ? { before: about } : { after: about }),
  })
}
