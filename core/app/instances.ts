import type { Database } from '../database/connection.ts'
import { Leadership } from '../database/instances/leadership.ts'
import { Presence } from '../database/instances/presence.ts'
import type { Logger } from '../log/logger.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { botIdOf } from '../telegram/identity.ts'
import { Partitions } from '../update/partition/partitions.ts'

/** What a process has where others may serve the same database. */
export interface Instances {
  readonly presence: Presence
  readonly partitions: Partitions
  readonly leadership: Leadership
}

/** Makes this process known to all that serve the same database. @returns undefined when embedded: it is alone */
export async function joinInstances(parts: {
  database: Database
  id: string
  token: string
  version: string
  log: Logger
}): Promise<Instances | undefined> {
  const { database, id, token, version, log } = parts
  const { session } = database
  if (session === undefined) return undefined
  const presence = await Presence.join({
    session,
    id,
    botId: botIdOf(token),
    coreVersion: version,
    log,
  })
  presence.start()
  return {
    presence,
    partitions: new Partitions({ session, presence, log }),
    leadership: new Leadership({ session, presence, log }),
  }
}

/** Tells the other instances after each commit which plugins are live here. */
export function publishPlugins(
  reloader: Reloader,
  presence: Presence | undefined,
  log: Logger,
): void {
  if (presence === undefined) return
  reloader.events.on('committed', ({ plugins }) => {
    const hashes = Object.fromEntries([...plugins].map(([name, { build }]) => [name, build.hash]))
    // a later beat tells it too
    presence
      .publish(hashes)
      .catch((error: unknown) => log.debug('instance.not-published', { error }))
  })
}
