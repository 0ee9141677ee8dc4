import type { Database } from '../database/connection.ts'
import { Leadership } from '../database/instances/leadership.ts'
import { News } from '../database/instances/news.ts'
import { Presence } from '../database/instances/presence.ts'
import type { HealthChecks } from '../http/health.ts'
import type { Logger } from '../log/logger.ts'
import { type PluginSkew, publishedPlugins, skewOf } from '../plugin/catalog/elsewhere.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import { botIdOf } from '../telegram/identity.ts'
import type { Inbox } from '../update/inbox/inbox.ts'
import { Partitions } from '../update/partition/partitions.ts'

/** What a process has where others may serve the same database. */
export interface Instances {
  readonly presence: Presence
  readonly partitions: Partitions
  readonly leadership: Leadership
  readonly news: News
}

const reloadSubject = 'reload:'
const rollBackSubject = 'rollback:'

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

/** Tells the other instances after each change which plugins are live here, and how. */
export function publishPlugins(
  reloader: Reloader,
  presence: Presence | undefined,
  log: Logger,
): void {
  if (presence === undefined) return
  const publish = () => {
    presence
      .publish(publishedPlugins(reloader.live.current))
      // a later beat tells it too
      .catch((error: unknown) => log.debug('instance.not-published', { error }))
  }
  reloader.events.on('committed', publish)
  reloader.events.on('quarantined', publish)
}

/** Instances whose plugins or core are not those of this one. */
export async function skewNow(
  reloader: Reloader,
  instances: Instances | undefined,
  coreVersion: string,
): Promise<readonly PluginSkew[]> {
  if (instances === undefined) return []
  const plugins = publishedPlugins(reloader.live.current)
  return skewOf({ coreVersion, plugins }, await instances.presence.others())
}

/** Has the other instances do with a plugin what somebody asked for on this one. Never rejects. */
export interface TellOthers {
  /** Each from its own disk. */
  reload(plugin: string): Promise<void>
  /** @param hash of the build that was put back here */
  rollBack(plugin: string, hash: string): Promise<void>
}

export function tellOthers(instances: Instances | undefined, log: Logger): TellOthers {
  const tell = async (subject: string): Promise<void> =>
    instances?.news
      .tell(subject)
      .catch((error: unknown) => log.warn('plugin.others-not-told', { subject, error }))
  return {
    reload: (plugin) => tell(`${reloadSubject}${plugin}`),
    rollBack: (plugin, hash) => tell(`${rollBackSubject}${plugin} ${hash}`),
  }
}

/** Does with plugins what somebody asked for on another instance. */
export function followOthers(reloader: Reloader, instances: Instances | undefined, log: Logger) {
  instances?.news.onHeard((subject) => {
    const [plugin = '', hash] = subject.replace(/^[a-z]+:/, '').split(' ')
    const known = reloader.list().find(({ name }) => name === plugin)
    if (known === undefined || known.state === 'disabled') return
    if (subject.startsWith(reloadSubject)) {
      log.info('plugin.reload-followed', { plugin })
      reloader
        .reload(plugin)
        .catch((error: unknown) => log.error('plugin.reload-not-followed', { plugin, error }))
    } else if (subject.startsWith(rollBackSubject) && hash !== undefined) {
      followRollBack(reloader, plugin, hash, log).catch((error: unknown) =>
        log.error('plugin.rollback-not-followed', { plugin, hash, error }),
      )
    }
  })
}

/** Only to the same build: another one that happens to be kept here is not what the person saw. */
async function followRollBack(
  reloader: Reloader,
  plugin: string,
  hash: string,
  log: Logger,
): Promise<void> {
  if (reloader.live.current.plugins.get(plugin)?.build.hash === hash) return
  if ((await reloader.previousHash(plugin)) === hash) {
    log.info('plugin.rollback-followed', { plugin, hash })
    await reloader.rollBack(plugin)
  } else {
    const hint = 'The build is not kept here: put it into the folder, and reload the plugin.'
    log.warn('plugin.rollback-not-followed', { plugin, hash, hint })
  }
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
    const different = (await skew()).filter(
      ({ isOtherCore, plugins }) => isOtherCore || plugins.length > 0,
    )
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

/**
 * Before a stop: handles what waits, unless there are other instances, whose work it is then. Also one that comes
 * only now: what it accepts would come here without an end.
 */
export async function workOff(
  inbox: Pick<Inbox, 'drain'>,
  partitions: Pick<Partitions, 'othersServe'> | undefined,
  limit: AbortSignal,
): Promise<void> {
  const end = new AbortController()
  const signal = AbortSignal.any([limit, end.signal])
  const others = partitions?.othersServe(signal).then(() => end.abort())
  await inbox.drain(signal)
  end.abort()
  await others
}
