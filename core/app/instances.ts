import type { Database } from '../database/connection.ts'
import { Leadership } from '../database/instances/leadership.ts'
import { News } from '../database/instances/news.ts'
import { Presence } from '../database/instances/presence.ts'
import type { HealthChecks } from '../http/health.ts'
import type { Logger } from '../log/logger.ts'
import { type PluginSkew, skewOf } from '../plugin/elsewhere.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { botIdOf } from '../telegram/identity.ts'
import { Partitions } from '../update/partition/partitions.ts'

/** What a process has where others may serve the same database. */
export interface Instances {
  readonly presence: Presence
  readonly partitions: Partitions
  readonly leadership: Leadership
  readonly news: News
}

const reloadSubject = 'reload:'

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
  const news = new News({ session, instance: id })
  await news.start()
  return {
    presence,
    partitions: new Partitions({ session, presence, log }),
    leadership: new Leadership({ session, presence, log }),
    news,
  }
}

/** Content hashes of the live plugins. */
function hashesOf(reloader: Reloader): Record<string, string> {
  const { plugins } = reloader.live.current
  return Object.fromEntries([...plugins].map(([name, { build }]) => [name, build.hash]))
}

/** Tells the other instances after each commit which plugins are live here. */
export function publishPlugins(
  reloader: Reloader,
  presence: Presence | undefined,
  log: Logger,
): void {
  if (presence === undefined) return
  reloader.events.on('committed', () => {
    presence
      .publish(hashesOf(reloader))
      // a later beat tells it too
      .catch((error: unknown) => log.debug('instance.not-published', { error }))
  })
}

/** Instances whose plugins or core are not those of this one. */
export async function skewNow(
  reloader: Reloader,
  instances: Instances | undefined,
  coreVersion: string,
): Promise<readonly PluginSkew[]> {
  if (instances === undefined) return []
  return skewOf({ coreVersion, plugins: hashesOf(reloader) }, await instances.presence.others())
}

/** Has the other instances load a plugin anew, each from its own disk. */
export async function tellReload(
  instances: Instances | undefined,
  plugin: string,
  log: Logger,
): Promise<void> {
  await instances?.news
    .tell(`${reloadSubject}${plugin}`)
    .catch((error: unknown) => log.warn('plugin.reload-not-told', { plugin, error }))
}

/** Loads a plugin anew when somebody asked for that on another instance. */
export function followReloads(reloader: Reloader, instances: Instances | undefined, log: Logger) {
  instances?.news.onHeard((subject) => {
    if (!subject.startsWith(reloadSubject)) return
    const plugin = subject.slice(reloadSubject.length)
    const known = reloader.list().find(({ name }) => name === plugin)
    if (known === undefined || known.state === 'disabled') return
    log.info('plugin.reload-followed', { plugin })
    reloader
      .reload(plugin)
      .catch((error: unknown) => log.error('plugin.reload-not-followed', { plugin, error }))
  })
}

/** `/readyz`: how many instances there are, and whether they run the same. */
export function checkInstances(
  health: HealthChecks,
  instances: Instances | undefined,
  skew: () => Promise<readonly PluginSkew[]>,
): void {
  if (instances === undefined) return
  const { presence, partitions, leadership } = instances
  health.register('instances', async () => {
    const others = await presence.others()
    const different = await skew()
    const here = `${partitions.count} partitions here${leadership.leads ? ', leads' : ''}`
    const all = `${others.length + 1} live, ${here}`
    if (different.length === 0) return { status: 'up', detail: all }
    // everybody who reaches the port can read it: which ones, /plugins tells
    return {
      status: 'degraded',
      detail: `${all}; ${different.length} run other versions than this one`,
    }
  })
}
