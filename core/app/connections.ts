import { createBulkWriter } from '../database/bulk-writer.ts'
import { openDatabase, type Queries } from '../database/connection.ts'
import { otherUsers } from '../database/instances/living.ts'
import { migrateCore } from '../database/migration/core.ts'
import { ApiLog, apiLogs } from '../http/client/api-log.ts'
import { HttpCalls } from '../http/client/client.ts'
import { createExchange } from '../http/client/exchange.ts'
import { HealthChecks } from '../http/health.ts'
import { BackgroundMetrics } from '../http/metrics/background.ts'
import { Metrics } from '../http/metrics/metrics.ts'
import { createHttpServer } from '../http/server.ts'
import { coreTexts } from '../i18n/core-texts.ts'
import { Outbox } from '../outbox/outbox.ts'
import { warmCompiler } from '../plugin/code/compiler.ts'
import { currentOwner } from '../plugin/code/owner.ts'
import { Timings } from '../plugin/offered/timings.ts'
import { openStore } from '../store/store.ts'
import { createCallbackCodec } from '../telegram/callback.ts'
import { FileLinks } from '../telegram/files/links.ts'
import { createGateway } from '../telegram/gateway.ts'
import { botIdOf } from '../telegram/identity.ts'
import { DeadTargets } from '../telegram/outgoing/targets.ts'
import { linkBase } from './doors/file-links.ts'
import { prepareWebhook } from './doors/webhook.ts'
import { waitingIn } from './health/waiting.ts'
import { joinInstances } from './instances.ts'
import { createQueue } from './jobs.ts'
import { keepLogs, noControl } from './logs.ts'
import type { Start } from './start.ts'

/** What the app stands on and talks to. */
export type Connections = Awaited<ReturnType<typeof connect>>

/**
 * Binds the port, so that a second start fails before it touches anything; then opens the database, the store and the
 * ways out, to Telegram and to other services.
 */
export async function connect({ config, parts, opened, log, clock }: Start) {
  const { version } = parts
  const token = config.telegram.token ?? ''
  const botId = botIdOf(token)

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
    botId,
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

  const metrics = new Metrics()
  const background = new BackgroundMetrics(metrics)
  const apiLog = new ApiLog(database, writer.table(apiLogs))
  const exchange = parts.exchange ?? createExchange()
  opened.add(() => exchange.close())
  const calls = new HttpCalls({
    exchange,
    clock,
    log,
    redact: (text) => log.redact(text),
    record: (row) => apiLog.take(row),
    measured: (service, outcome, ms) => background.apiCalled(service, outcome, ms),
    userAgent: `opsgram/${version}`,
    guard: (what) => database.kysely.guard.checkCall(what),
  })

  const targets = new DeadTargets({ database, log })
  await targets.start()
  opened.add(() => targets.stop())
  const { apiRoot } = config.telegram
  const fileLinks = new FileLinks({ token, base: linkBase(config.telegram, http.url), clock })
  const guard = (method: string) => database.kysely.guard.checkCall(method)
  const timings = new Timings(metrics)
  database.kysely.times.listener = (sql, ms, ok) => timings.queried(currentOwner(), sql, ms, ok)
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

  const texts = coreTexts(config.people.locale)
  const codec = createCallbackCodec(token)
  const defaults = { language: config.people.locale, timeZone: config.people.timezone }
  return {
    botId,
    health,
    webhookPlace,
    http,
    database,
    others,
    instances,
    shared,
    writer,
    logControl,
    logs: logs.desk,
    queue,
    apiLog,
    calls,
    fileLinks,
    metrics,
    background,
    timings,
    waiting: waitingIn(database),
    gateway,
    targets,
    outbox,
    texts,
    codec,
    defaults,
    redact: (text: string) => log.redact(text),
  }
}
