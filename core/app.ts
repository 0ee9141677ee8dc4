import type { EventEmitter } from 'node:events'
import type { FastifyInstance } from 'fastify'
import type { Update } from 'telegraf/types'
import type { Config } from '../config/config.ts'
import { scheduledBackups } from './app/backups.ts'
import { connect } from './app/connections.ts'
import { openDoors } from './app/doors/doors.ts'
import { acceptanceOf, alwaysLeads } from './app/doors/webhook.ts'
import { workOff } from './app/instances.ts'
import { LeaderPolling } from './app/leader-polling.ts'
import { botNotices } from './app/notices.ts'
import { Opened } from './app/opened.ts'
import { loadPlugins } from './app/plugins/loaded-plugins.ts'
import type { Stalls } from './app/stall/watch.ts'
import type { Start } from './app/start.ts'
import { openWork } from './app/work.ts'
import { takeAskedBackups } from './backup/asked.ts'
import { type Clock, systemClock } from './clock.ts'
import type { Database } from './database/connection.ts'
import { damageIn } from './database/failure.ts'
import type { OpsError } from './errors.ts'
import type { Exchange } from './http/client/exchange.ts'
import type { LogControl, Logger } from './log/logger.ts'
import type { Plugins } from './plugin/catalog/plugins.ts'
import type { PluginFolder } from './plugin/code/folder.ts'
import { type PluginPosition, PluginStacks } from './plugin/code/stack.ts'
import type { ReloadEvents } from './plugin/reload/events.ts'
import type { IncomingUpdate } from './telegram/facts.ts'
import { createPoller, type Poller } from './telegram/polling.ts'

export interface AppParts {
  log: Logger
  /** Of that log: its levels, what is missing of it. */
  logControl?: LogControl
  version: string
  /** Settings of a plugin as they are now; default: as they were at the start. */
  settingsOf?: (plugin: string) => Readonly<Record<string, string>>
  /** Ends a start that still waits for Telegram. */
  signal?: AbortSignal
  /** Told the address of the HTTP server as soon as its port is bound. */
  bound?: (url: string) => void
  /** Fills the core's tables before plugins are loaded. */
  seed?: (database: Database) => Promise<void>
  /** What a handler has before it is cut off, ms; default 60,000. */
  handlerLimitMs?: number
  /** A card for owners is shown anew at most so often, ms; default 3,000. */
  cardPaceMs?: number
  /** Where errors of plugins are looked up; to be shared with who catches what nobody caught. */
  stacks?: PluginStacks
  /** What ends a process that stands still; default: nothing. */
  stalls?: Pick<Stalls, 'aside'>
  /** An open database, used in place of the configured one and left open; default: opened here. */
  database?: Database
  /** What timers of plugins, deadlines and waits for Telegram run on; default the machine's. */
  clock?: Clock
  /** How calls of plugins to other services leave; default over the network. */
  exchange?: Exchange
  /** Which of the plugin folders in PLUGINS_DIR are this app's; default all. */
  accepts?: (folder: PluginFolder) => boolean
  /** Whatever plugins open is accepted, as in the playground; default: an owner is asked. */
  acceptsOpenings?: boolean
  /** Adds pages to the HTTP server; gets what happens to plugins. */
  mount?: (http: FastifyInstance, reloads: EventEmitter<ReloadEvents>) => void
}

export interface App {
  readonly url: string
  readonly plugins: Plugins
  /** Ends when the app can't go on: the token was revoked. */
  readonly failed: Promise<OpsError>
  /** Resolves when every update that was accepted is settled, its answer sent. */
  idle(): Promise<void>
  /** Loads the named plugins anew, as far as they exist: their settings changed. */
  reconfigure(plugins: readonly string[]): Promise<void>
  /** The line of plugin code that an error comes from. */
  placeOf(error: unknown): PluginPosition | undefined
  /** The code of a plugin's live version: reachable as long as any function of it is. */
  lifeOf(plugin: string): WeakRef<object> | undefined
  /** Stops accepting, lets running handlers end, closes everything. Idempotent. */
  stop(): Promise<void>
}

/** At a stop, for the message that tells of it, ms. */
const lastNoticeMs = 1_500
/** After the drain, for all last steps together, ms. */
const lastStepsMs = 1_000

/**
 * Puts the parts together and starts them: the port is bound and configuration checked before a
 * database is opened; updates are taken last. Two apps can live in one process.
 *
 * @throws OpsError when it can't start; everything that was opened is closed again
 */
export async function createApp(config: Config, parts: AppParts): Promise<App> {
  const { log, signal } = parts
  const opened = new Opened()
  try {
    return await startApp(config, parts, opened)
  } catch (error) {
    const isStop = signal?.aborted === true
    if (isStop) log.info('app.stopping', { open: 0 })
    await opened.close(log, performance.now() + config.shutdownTimeoutMs)
    if (isStop) log.info('app.stopped')
    throw damageIn(error) ?? error
  }
}

async function startApp(config: Config, parts: AppParts, opened: Opened): Promise<App> {
  const began = performance.now()
  const { log, version, stacks = new PluginStacks(), clock = systemClock } = parts
  const start: Start = { config, parts, opened, log, clock, stacks }
  const connections = await connect(start)
  const plugins = await loadPlugins(start, connections, {
    reopened: (part) => work.inbox.lookInto([part]),
  })
  const work = await openWork(start, connections, plugins)
  await openDoors(start, connections, plugins, work)
  const {
    health,
    http,
    database,
    instances,
    shared,
    gateway,
    outbox,
    metrics,
    texts,
    webhookPlace,
  } = connections
  const { reloader, catalog, botInfo } = plugins
  const { inbox, jobs, api, handling, look } = work
  const { live } = reloader
  const notices = botNotices({
    config,
    database,
    look,
    gateway,
    outbox,
    reloader,
    instances,
    health,
    version,
    texts,
    metrics,
    clock,
    log,
  })
  opened.add(() => notices.close())
  // an update may be what ends the process again
  await notices.begin()
  outbox.start()
  opened.add(async () => {
    handling.abort()
    await inbox.stop()
  })
  await inbox.start()
  const polling = {
    transport: gateway.transport,
    // parsed as far as anything relies on it: see facts.ts
    accept: (updates: readonly IncomingUpdate[]) => inbox.accept(updates as readonly Update[]),
    log,
  }
  const lead = instances?.leadership ?? alwaysLeads
  const webhook = webhookPlace?.join({ gateway, database, botId: botInfo.id, health, lead })
  const poller: Poller =
    instances === undefined
      ? createPoller(polling)
      : new LeaderPolling(polling, instances.leadership)
  const source = webhook ?? poller
  // whatever fails from here on: nothing is taken any more by a start that has failed
  opened.add(() => source.stop())
  if (webhook === undefined) poller.start()
  else webhook.open(acceptanceOf(inbox))
  await instances?.leadership.start()
  await jobs.start()

  const { still } = database
  const backups = scheduledBackups(config, {
    version,
    still,
    leads: () => instances?.leadership.leads !== false,
    tell: (what, reason) => notices.aboutBackup(what, reason),
    clock,
    log,
  })
  await backups?.start()
  opened.add(() => backups?.stop())
  if (still !== undefined) opened.add(takeAskedBackups({ ...config.database, still, version, log }))

  health.phase = 'ready'
  notices.watch()
  webhook?.register()
  log.info('app.started', {
    ms: Math.round(performance.now() - began),
    version,
    bot: botInfo.username,
    plugins: [...live.current.plugins.keys()].sort(),
    database: database.kind,
    store: shared.kind,
  })

  let stopping: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    const { shutdownTimeoutMs } = config
    const endsAt = performance.now() + shutdownTimeoutMs + lastStepsMs
    const limit = AbortSignal.timeout(shutdownTimeoutMs)
    log.info('app.stopping', { open: inbox.open })
    health.phase = 'stopping'
    const requests = api.drain(limit)
    await source.stop()
    await instances?.leadership.resign()
    await Promise.all([requests, jobs.drain(limit), workOff(inbox, instances?.partitions, limit)])
    await instances?.partitions.handBack(limit)
    handling.abort()
    await notices.end(lastNoticeMs)
    await opened.close(log, endsAt)
    log.info('app.stopped')
  }
  return {
    url: http.url,
    plugins: catalog,
    failed: source.failed,
    async idle() {
      do {
        await inbox.idle()
        await jobs.idle()
        await outbox.idle()
      } while (!inbox.isIdle || jobs.running > 0)
    },
    placeOf: (error) => stacks.locationOf(error),
    lifeOf: (plugin) => live.current.plugins.get(plugin)?.evaluated.life,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
    reconfigure: async (names) => {
      const known = reloader.list().filter(({ state }) => state !== 'disabled')
      for (const { name } of known)
        if (names.includes(name)) await reloader.reload(name, { why: 'settings' })
    },
  }
}
