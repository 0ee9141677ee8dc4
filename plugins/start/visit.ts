import { type ActiveUser, BotUser, type OpsContext } from 'opsgram'

/**
 * Whether this person never got the first-run welcome; from now on they did. The mark is written
 * with the update, so a welcome that failed half-way comes again.
 */
export async function isFirstVisit({
  em,
  actor,
}: Pick<OpsContext, 'em'> & { actor: ActiveUser }): Promise<boolean> {
  const person = await em.findOne(BotUser, actor.id)
  if (person === null || person.metadata.welcomedAt !== undefined) return false
  // a new object: changes inside of a JSON value go unseen
  person.metadata = { ...person.metadata, welcomedAt: new Date().toISOString() }
  return true
}
