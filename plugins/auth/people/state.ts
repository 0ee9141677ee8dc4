import { createHash } from 'node:crypto'
import { AccessGrant, BotUser, type EntityManager } from 'opsgram'

/** Stands for what a person may and how they are let in: as long as it is the same, nobody changed that. */
export async function stateOf(em: EntityManager, telegramId: number): Promise<string> {
  const person = await em.findOne(BotUser, { telegramId })
  const grants = await em.find(AccessGrant, { person: telegramId }, { orderBy: { id: 'asc' } })
  const state = [
    person?.role,
    person?.status,
    person?.accessUntil?.getTime(),
    ...grants.map(({ id }) => id),
  ]
  return createHash('sha256').update(JSON.stringify(state)).digest('base64url')
}
