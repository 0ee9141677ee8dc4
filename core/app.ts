import type { EventEmitter } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Update } from 'telegraf/types'
import type { Config } from '../config/config.ts'
import { serveApi } from './app/api.ts'
import { followChats } from './app/chats.ts'
import { linkBase, serveFileLinks } from './app/file-links.ts'
import { serveHooks } from './app/hooks.ts'
import {
  checkInstances,
  followOthers,
  joinInstances,
  publishPlugins,
  skewNow,
  tellOthers,
  workOff,
} from './app/instances.ts'
import { createJobs, createQueue } from './app/jobs.ts'
import { LeaderPolling } from './app/leader-polling.ts'
import { keepLogs, noControl } from './app/logs.ts'
import { keepMenus } from './app/menus.ts'
import { measure, measureUpdate } from './app/metrics.ts'
import { botNotices } from './app/notices.ts'
import { Opened } from './app/opened.ts'
import { keepStates } from './app/plugin-states.ts'
import { registerHealth } from './app/readiness.ts'
import { acceptanceOf, alwaysLeads, prepareWebhook } from './app/webhook.ts'
import { Cards } from './card/cards.ts'
import { createPost } from './card/post.ts'
import { type Clock, systemClock } from './clock.ts'
import { createBulkWriter } from './database/bulk-writer.ts'
import { type Database, openDatabase, type Queries } from './database/connection.ts'
import { coreEntities } from './database/entities/index.ts'
import { otherUsers } from './database/instances/living.ts'
import { migrateCore } from './database/migration/core.ts'
import type { OpsError } from './errors.ts'
import { ApiLog, apiLogs } from './http/client/api-log.ts'
import { HttpCalls } from './http/client/client.ts'
import { createExchange, type Exchange } from './http/client/exchange.ts'
import { HealthChecks } from './http/health.ts'
import { Metrics } from './http/metrics/metrics.ts'
import { serveMetrics } from './http/metrics/route.ts'
import { createHttpServer } from './http/server.ts'
import { coreTexts } from './i18n/core-texts.ts'
import * as opsgram from './index.ts'
import type { LogControl, Logger } from './log/logger.ts'
import { Outbox } from './outbox/outbox.ts'
import { Records } from './outbox/records.ts'
import { quarantineFailing } from './plugin/breaker.ts'
import { ButtonStore } from './plugin/button-store.ts'
import { brokenCards } from './plugin/cards/broken.ts'
import { quarantineCards } from './plugin/cards/quarantine.ts'
import { createCatalog } from './plugin/catalog.ts'
import { chatsService } from './plugin/chats/service.ts'
import { ChatSettingsCache } from './plugin/chats/settings.ts'
import { followChoices } from './plugin/choice-news.ts'
import { PluginChoices } from './plugin/choices.ts'
import { warmCompiler } from './plugin/code/compiler.ts'
import { guardExit } from './plugin/code/exit.ts'
import { missingRoots, type PluginFolder } from './plugin/code/folder.ts'
import { KeptBuilds } from './plugin/code/kept-builds.ts'
import { LoadMarks } from './plugin/code/load-marks.ts'
import { linkedPackages } from './plugin/code/package.ts'
import { installStacks, type PluginPosition, PluginStacks } from './plugin/code/stack.ts'
import { watchFolders } from './plugin/code/watcher.ts'
import { coreServicesOf } from './plugin/core-services.ts'
import { DeadLetters } from './plugin/dead-letters.ts'
import { PluginHistory } from './plugin/history.ts'
import { JobDesk } from './plugin/jobs.ts'
import { Menus } from './plugin/menu.ts'
import { AccessBaseline } from './plugin/opening/baseline.ts'
import { Openings } from './plugin/opening/openings.ts'
import type { Plugins } from './plugin/plugins.ts'
import { auditReloads } from './plugin/reload/audit.ts'
import type { ReloadEvents } from './plugin/reload/events.ts'
import { Reloader } from './plugin/reload/reloader.ts'
import { ContentSender } from './plugin/sender.ts'
import { Sessions } from './session/sessions.ts'
import { openStore } from './store/store.ts'
import { createCallbackCodec } from './telegram/callback.ts'
import type { IncomingUpdate } from './telegram/facts.ts'
import { FileLinks } from './telegram/files/links.ts'
import { createGateway } from './telegram/gateway.ts'
import { botIdOf, whoAmI } from './telegram/identity.ts'
import { DeadTargets } from './telegram/outgoing/targets.ts'
import { createPoller, type Poller } from './telegram/polling.ts'
import { Api } from './update/api/api.ts'
import { ButtonReader } from './update/button-reader.ts'
import { ClockSkew } from './update/clock-skew.ts'
import { Confirmations } from './update/confirmation/confirmations.ts'
import { Dialogs } from './update/dialog/dialogs.ts'
import { Dispatcher } from './update/dispatcher.ts'
import { Gate } from './update/gate.ts'
import { UpdateHandling } from './update/handling.ts'
import { HookIntake } from './update/hooks/intake.ts'
import { Inbox } from './update/inbox/inbox.ts'
import { Maintenance, passesPause } from './update/maintenance.ts'
import { Throttle } from './update/throttle/throttle.ts'
import { Turnstile } from './update/throttle/turnstile.ts'

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
    throw error
  }
}

async function startApp(config: Config, parts: AppParts, opened: Opened): Promise<App> {
  const began = performance.now()
  const { log, version, signal, stacks = new PluginStacks(), clock = systemClock } = parts
  const token = config.telegram.token ?? ''

  const health = new HealthChecks({ version, log })
  const webhookPlace = await prepareWebhook(config, log)
  const direct = webhookPlace === undefined ? {} : { direct: webhookPlace.route }
  const http = await createHttpServer({ ...config.http, log, health, ...direct })
  opened.add(() => http.close(1_000))
  parts.bound?.(http.url)

  // the compiler's process starts while the database is opened
  const [database] = await Promise.all([
    parts.database ?? openDatabase({ ...config.database, log }),
    warmCompiler(),
  ])
  if (parts.database === undefined) opened.add(() => database.close())
  const others = (queries: Queries) => otherUsers(queries, health.instance)
  await migrateCore(database, config.database.migrations, log, { others })
  await parts.seed?.(database)
  const instances = await joinInstances({ database, id: health.instance, token, version, log })
  opened.add(() => instances?.presence.leave())
  const relay = instances?.news.under('topic:', (error) => log.warn('store.not-told', { error }))
  const shared = await openStore({
    url: config.store.url,
    botId: botIdOf(token),
    relay,
    clock,
    log,
  })
  opened.add(() => shared.close())
  const writer = createBulkWriter({ database, log })
  opened.add(() => writer.close(2_000))

  const logControl = parts.logControl ?? noControl()
  const logs = await keepLogs({
    control: logControl,
    database,
    writer,
    store: shared,
    instance: health.instance,
    clock,
    log,
  })
  opened.add(() => logs.stop())

  const queue = createQueue({
    database,
    instance: health.instance,
    migrations: config.database.migrations,
    clock,
    log,
  })
  opened.add(() => queue.close())

  const apiLog = new ApiLog(database, writer.table(apiLogs))
  const exchange = parts.exchange ?? createExchange()
  opened.add(() => exchange.close())
  const calls = new HttpCalls({
    exchange,
    clock,
    log,
    redact: (text) => log.redact(text),
    record: (row) => apiLog.take(row),
    userAgent: `opsgram/${version}`,
    guard: (what) => database.kysely.guard.checkCall(what),
  })

  const targets = new DeadTargets({ database, log })
  await targets.start()
  opened.add(() => targets.stop())
  const { apiRoot } = config.telegram
  const fileLinks = new FileLinks({ token, base: linkBase(config.telegram, http.url), clock })
  const guard = (method: string) => database.kysely.guard.checkCall(method)
  const metrics = new Metrics()
  const gateway = createGateway({
    token,
    apiRoot,
    log,
    clock,
    measured: (method, ok, ms) => metrics.called(method, ok, ms),
    targets,
    pace: shared,
    fileLinks,
    guard,
  })
  opened.add(() => gateway.close())
  const outbox = new Outbox({ database, gateway, instance: health.instance, clock, log })
  opened.add(() => outbox.stop())

  opened.add(installStacks(stacks))
  opened.add(guardExit())
  const texts = coreTexts(config.people.locale)
  const choices = new PluginChoices(database)
  const codec = createCallbackCodec(token)
  const defaults = { language: config.people.locale, timeZone: config.people.timezone }
  const cards = new Cards({
    database,
    post: createPost({ gateway, codec }),
    store: shared,
    texts,
    ownerIds: config.access.adminIds,
    defaults,
    notices: config.people.notices,
    paceMs: parts.cardPaceMs,
    log,
  })
  opened.add(() => cards.stop())
  const asks = config.mode === 'bot' && parts.acceptsOpenings !== true
  const baseline = await AccessBaseline.open({ database, log, asks })
  const store = new ButtonStore({ database, log })
  opened.add(() => store.stop())
  const sender = new ContentSender({ codec, store })
  const redact = (text: string) => log.redact(text)
  const records = new Records({ database, redact, wake: () => outbox.wake() })
  const dead = new DeadLetters({
    database,
    botId: botIdOf(token),
    redact,
    reopened: (part) => inbox.lookInto([part]),
  })
  const maintenance = new Maintenance({ database, botId: botIdOf(token), store: shared, log })
  opened.add(() => maintenance.stop())
  const chatSettings = new ChatSettingsCache({ database, store: shared, log })
  await chatSettings.start()
  opened.add(() => chatSettings.stop())
  const jobDesk = new JobDesk({
    queue,
    live: () => reloader.live,
    redact,
  })
  const reloader = await Reloader.create({
    access: baseline,
    disabled: new Set([...config.plugins.disabled, ...(await choices.disabled())]),
    kept: new KeptBuilds({ dir: join(config.dataDir, 'builds'), coreVersion: version, log }),
    ...(parts.accepts === undefined ? {} : { accepts: parts.accepts }),
    database,
    coreEntities,
    calls,
    store: shared,
    queue,
    coreServices: coreServicesOf({
      config,
      cards,
      chats: chatsService({
        settings: chatSettings,
        isProtected: (plugin) => reloader.isProtected(plugin),
      }),
      writer,
      gateway,
      dead,
      outbox: { database, outbox, records, sender },
      maintenance,
      jobs: jobDesk,
      logs: logs.desk,
      apiLog,
      catalog: () => catalog,
    }),
    migrations: config.database.migrations,
    others,
    prepare: {
      roots: config.plugins.dirs,
      packages: config.plugins.packages,
      stacks,
      // its own exports by reference: some test runners load the core by require, and then import() would
      // bring a second instance of every class
      importShared: async (specifier) =>
        specifier === 'opsgram' ? opsgram : await import(specifier),
      settingsOf: parts.settingsOf ?? ((plugin) => config.pluginEnv(plugin)),
      defaultLanguage: config.people.locale,
      coreVersion: version,
      evaluateTimeoutMs: 10_000,
      marks: new LoadMarks({ dir: join(config.dataDir, 'builds'), log }),
      log,
    },
    log,
    clock,
  })
  for (const dir of config.plugins.dirs) {
    if (!existsSync(dir)) log.warn('plugin.folder-missing', { variable: 'PLUGINS_DIR', dir })
  }
  const cardsAbout = { cards, reloader, catalog: () => catalog }
  const elsewhere = async () => (await instances?.presence.others())?.map(({ id }) => id) ?? []
  const cardsStarted = [
    quarantineCards({ ...cardsAbout, instance: health.instance, elsewhere }),
    brokenCards(cardsAbout),
  ]
  const openings = new Openings({ reloader, baseline, database, cards, store: shared, log })
  const skew = () => skewNow(reloader, instances, version)
  const catalog = createCatalog({
    reloader,
    choices,
    openings,
    history: new PluginHistory(database),
    store: shared,
    texts,
    others: tellOthers(instances, log),
    elsewhere: skew,
  })
  followOthers(reloader, instances, log)
  publishPlugins(reloader, instances?.presence, log)
  const states = keepStates({ dir: config.dataDir, reloader, log })
  const audit = auditReloads(reloader, { database, log })
  // closed after the reloader, whose last reload may still be running
  opened.add(() => Promise.all([audit.written(), openings.written(), states.close()]))
  opened.add(() => reloader.stop())
  for (const dir of await missingRoots(config.plugins.dirs)) {
    const hint = 'PLUGINS_DIR names it, but there is no such folder.'
    log.warn('plugin.dir-missing', { dir, hint })
  }
  if (config.plugins.watch) {
    const watcher = watchFolders({
      roots: config.plugins.dirs,
      folders: await linkedPackages(config.plugins.packages),
      ...(parts.accepts === undefined ? {} : { accepts: parts.accepts }),
      onChange: ({ files }) => reloader.filesChanged(files),
      onError: (error) => log.error('plugin.watch-failed', { error }),
    })
    opened.add(() => watcher.close())
    // what is saved while the plugins are loaded is seen, and loaded after them
    await watcher.ready
  }
  // before the plugins: what a start finds changes the cards of the process before
  await cards.start()
  const [botInfo] = await Promise.all([whoAmI(gateway, log, signal), reloader.start()])

  const disabledHere = new Set(config.plugins.disabled)
  opened.add(followChoices({ choices, reloader, store: shared, disabledHere, log }))

  opened.add(openings.watch())
  for (const started of cardsStarted) started()
  const buttons = new ButtonReader({ codec, store })
  const settledChat = followChats({ database, gateway, targets, settings: chatSettings, log })
  const sessions = new Sessions({ database, log })
  opened.add(() => sessions.stop())
  const { live } = reloader
  const judge = quarantineFailing(reloader)
  const gate = new Gate(config.access.adminIds)
  const { person, chat, global } = config.limits
  const throttle = new Throttle({ store: shared, texts, person, chat })
  const ownerIds = config.access.adminIds
  const turnstile = new Turnstile({ store: shared, clock, rate: global, ownerIds })
  const dispatcher = new Dispatcher({
    botInfo,
    gate,
    texts,
    buttons,
    cards,
    confirmations: new Confirmations({ database, texts, gate }),
    dialogs: new Dialogs({ sessions, texts }),
    throttle,
  })
  const menus = new Menus({ gateway, live, log })
  const menusSettled = keepMenus({ menus, reloader, instances, log })
  const handling = new UpdateHandling({
    live,
    turnstile,
    dispatcher,
    gateway,
    sender,
    outbox,
    database,
    queue,
    calls,
    botInfo,
    texts,
    defaults,
    chats: chatSettings,
    stacks,
    log,
    clock,
    limitMs: parts.handlerLimitMs ?? 60_000,
    settled: (run) => {
      menusSettled(run)
      settledChat(run)
      measureUpdate(metrics, run)
      judge(run)
      if (run.facts.chatType === 'private' && run.isUser) cards.met(run.user.telegramId)
    },
  })
  opened.add(() => handling.stop())
  opened.add(() => menus.stop())

  const clockSkew = new ClockSkew(() => clock.now(), log)
  health.register('clock', () => clockSkew.check())
  const inbox = new Inbox({
    database,
    botId: botInfo.id,
    partitions: instances?.partitions,
    handle: (item) => handling.handle(item, inbox),
    poison: (item) => handling.poison(item, inbox),
    arrived: (item) => {
      handling.arrived(item)
      clockSkew.arrived(item)
    },
    passesHold: (item) => passesPause(item, config.access.adminIds, botInfo.username),
    log,
  })
  const jobs = createJobs({
    queue,
    calls,
    outbox,
    reloader,
    instances,
    gate,
    gateway,
    sender,
    database,
    botInfo,
    defaults,
    timeZone: defaults.timeZone,
    stacks,
    log,
    clock,
  })
  opened.add(() => jobs.stop())
  const api = new Api({
    live,
    store: shared,
    queue,
    calls,
    gateway,
    sender,
    outbox,
    database,
    botInfo,
    defaults,
    version,
    log,
    clock,
  })
  // before the first update
  await maintenance.start((pause) => {
    if (pause === undefined) inbox.release()
    else inbox.hold()
    jobs.hold(pause !== undefined)
    api.hold(pause !== undefined)
  })
  const { dataDir } = config
  registerHealth(health, { database, store: shared, gateway, reloader, maintenance, dataDir })
  checkInstances(health, instances, skew)
  const measured = { database, gateway, health, inbox, instances, reloader, throttle, turnstile }
  measure(metrics, { ...measured, log: logControl })
  const { metricsToken } = config.http
  http.mount((fastify) => serveMetrics(fastify, { metrics, token: metricsToken }))
  const intake = new HookIntake({ live, queue, database, store: shared, clock, log })
  intake.start()
  opened.add(() => intake.stop())
  http.mount((fastify) => serveHooks(fastify, { intake, log }))
  http.mount((fastify) => serveApi(fastify, { api, log }))
  http.mount((fastify) => serveFileLinks(fastify, { links: fileLinks, gateway, log }))
  const { mount } = parts
  if (mount !== undefined) http.mount((fastify) => mount(fastify, reloader.events))
  await http.open()
  const notices = botNotices({
    config,
    database,
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
  if (webhook === undefined) poller.start()
  else webhook.open(acceptanceOf(inbox))
  const source = webhook ?? poller
  await instances?.leadership.start()
  await jobs.start()

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
    opened.add(() => inbox.stop())
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
