import {
  type ActiveUser,
  AuditEntry,
  BotUser,
  type DataSubject,
  type EntityManager,
  type OpsContext,
  type PersonalDataApi,
} from 'opsgram'
import type { Owners } from '../gate/owners.ts'
import { notFound, outOfReach } from '../people/change.ts'
import { findPerson } from '../people/find.ts'

/** Who asks for somebody's data, or to have them erased. */
export type DataAsker = OpsContext & {
  readonly actor: ActiveUser
  readonly plugin: { readonly owners: Owners }
  readonly use: { readonly personal: PersonalDataApi }
  can(permission: 'auth.data'): boolean
}

/** Whose data are meant: the asker's own, or those of somebody below them. */
export async function subjectOf(
  ctx: DataAsker,
  named: string | undefined,
): Promise<{ readonly person: BotUser } | { readonly refusal: string }> {
  const { em, t, actor, plugin } = ctx
  if (named === undefined) return { person: await em.findOneOrFail(BotUser, actor.id) }
  const found = await findPerson(em, named)
  if (found.kind !== 'person') return { refusal: notFound(found, named, t) }
  const { person } = found
  if (person.telegramId === actor.telegramId) return { person }
  const refusal = ctx.can('auth.data') ? await outOfReach(ctx, plugin.owners, person) : 'data'
  if (refusal === undefined) return { person }
  em.create(AuditEntry, {
    ...auditOf(ctx, 'data.refused', person.telegramId),
    outcome: 'refused',
    reason: refusal,
  })
  return { refusal: t(`refused.${refusal}`) }
}

/** Sends all that is kept about a person as a JSON file, to whoever asks, in private. @returns what to tell instead */
export async function sendData(
  ctx: DataAsker,
  named: string | undefined,
): Promise<string | undefined> {
  const { em, use, t } = ctx
  const subject = await subjectOf(ctx, named)
  if ('refusal' in subject) return subject.refusal
  const { id, telegramId } = subject.person
  const all = await use.personal.export({ id, telegramId }, em)
  em.create(AuditEntry, { ...auditOf(ctx, 'data.export', telegramId), outcome: 'done' })
  // on record before anything is sent
  await ctx.commit()
  const file = { source: Buffer.from(jsonOf(all)), filename: `data-${telegramId}.json` }
  await ctx.replyWithDocument(file, { caption: t('data.caption') })
  return undefined
}

/** What auth keeps about a person beside their row. */
export async function exportOf(em: EntityManager, { telegramId }: DataSubject): Promise<unknown> {
  return {
    grants: await em.execute(
      `select id, permission, effect, chat_id, thread_id, expires_at, reason, created_by, created_at
       from access_grants where person = ?`,
      [telegramId],
    ),
    tokens: await em.execute(
      'select id, name, expires_at, last_used_at, created_at from api_tokens where person = ?',
      [telegramId],
    ),
  }
}

/** @returns how many rows went */
export async function eraseOf(em: EntityManager, { telegramId }: DataSubject): Promise<number> {
  let rows = 0
  for (const table of ['access_grants', 'api_tokens']) {
    const gone = await em.execute<unknown[]>(`delete from ${table} where person = ? returning 1`, [
      telegramId,
    ])
    rows += gone.length
  }
  return rows
}

export function auditOf({ actor, facts }: DataAsker, action: string, telegramId: number) {
  return {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'auth',
    action,
    target: `user:${telegramId}`,
    chatId: facts.chatId ?? null,
  }
}

function jsonOf(value: unknown): string {
  const plain = (_key: string, one: unknown) => (typeof one === 'bigint' ? String(one) : one)
  return `${JSON.stringify(value, plain, 2)}\n`
}
