import type { EntityManager, PermissionDeclaration } from 'opsgram'
import type { PersonRows } from '../gate/person-row.ts'
import { decide } from './decide.ts'

/** More than so many are not asked. */
const most = 50

/**
 * Who holds a permission in their private chat, by the very decision that the gate goes by; at most 50, owners first.
 *
 * @param now Unix time, ms
 */
export async function holdersOf(
  permission: PermissionDeclaration,
  {
    em,
    rows,
    ownerIds,
    now,
  }: {
    em: EntityManager
    rows: Pick<PersonRows, 'read'>
    ownerIds: readonly number[]
    now: number
  },
): Promise<readonly number[]> {
  const candidates = await em.execute<{ telegram_id: number | string }[]>(
    `select telegram_id from bot_users b where status = 'active' and (
       role in (select value from jsonb_array_elements_text(?::jsonb))
       or role in (select name from access_roles where base in (select value from jsonb_array_elements_text(?::jsonb)))
       or role in (select role from access_grants where role is not null and effect = 'allow')
       or telegram_id in (select person from access_grants where person is not null and effect = 'allow'))
     order by telegram_id limit 500`,
    [JSON.stringify(permission.roles), JSON.stringify(permission.roles)],
  )
  const held = [...ownerIds]
  for (const { telegram_id } of candidates) {
    const telegramId = Number(telegram_id)
    if (held.length >= most) break
    if (held.includes(telegramId)) continue
    const row = await rows.read(telegramId)
    const isIn = row?.status === 'active' && (row.until === null || now < row.until)
    if (isIn && decide(row.rights, permission, { chatId: telegramId }, now).allowed)
      held.push(telegramId)
  }
  return held
}
