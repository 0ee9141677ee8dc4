import { BotUser, type EntityManager } from 'opsgram'

/** How a person is named: `12345` or `@name`. Names are those last seen, for people on record. */
export type Found =
  | { readonly kind: 'person'; readonly person: BotUser }
  | { readonly kind: 'unknown-id'; readonly telegramId: number }
  | { readonly kind: 'unknown-name' | 'many' | 'malformed' }

export async function findPerson(em: EntityManager, named: string): Promise<Found> {
  if (/^\d{1,16}$/.test(named)) {
    const telegramId = Number(named)
    if (telegramId === 0 || !Number.isSafeInteger(telegramId)) return { kind: 'malformed' }
    const person = await em.findOne(BotUser, { telegramId })
    return person === null ? { kind: 'unknown-id', telegramId } : { kind: 'person', person }
  }
  const username = /^@?([A-Za-z]\w{2,63})$/.exec(named)?.[1]
  if (username === undefined) return { kind: 'malformed' }
  const rows = await em.execute<{ id: string }[]>(
    'select id from bot_users where lower(username) = lower(?) limit 2',
    [username],
  )
  const [row, another] = rows
  if (row === undefined) return { kind: 'unknown-name' }
  // a name that its owner gave up and somebody else took: only the id tells them apart
  if (another !== undefined) return { kind: 'many' }
  return { kind: 'person', person: await em.findOneOrFail(BotUser, row.id) }
}
