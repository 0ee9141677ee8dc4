import { serveMetrics } from '../../http/metrics/route.ts'
import { HookIntake } from '../../update/hooks/intake.ts'
import type { Connections } from '../connections.ts'
import { registerHealth } from '../health/readiness.ts'
import { checkInstances } from '../instances.ts'
import type { LoadedPlugins } from '../plugins/loaded-plugins.ts'
import type { Start } from '../start.ts'
import type { Work } from '../work.ts'
import { serveApi } from './api.ts'
import { serveFileLinks } from './file-links.ts'
import { serveHooks } from './hooks.ts'
import { measure } from './metrics.ts'

/** Opens what is asked over HTTP: health, metrics, hooks, routes of plugins, files. */
export async function openDoors(
  { config, parts, opened, log, clock }: Start,
  connections: Connections,
  { reloader, maintenance, skew }: LoadedPlugins,
  { inbox, api, throttle, turnstile, look }: Work,
): Promise<void> {
  const {
    health,
    http,
    database,
    instances,
    shared,
    queue,
    metrics,
    background,
    calls,
    gateway,
    fileLinks,
    logControl,
  } = connections
  const { live } = reloader
  const { dataDir } = config
  const looked = { kind: database.kind, look }
  registerHealth(health, {
    database: looked,
    store: shared,
    gateway,
    reloader,
    maintenance,
    dataDir,
  })
  checkInstances(health, instances, skew)
  const { waiting } = connections
  measure(metrics, {
    waiting,
    gateway,
    health,
    inbox,
    instances,
    reloader,
    throttle,
    turnstile,
    queue,
    calls,
    log: logControl,
  })
  const { metricsToken } = config.http
  // one on this machine may add nothing that tells of it
  const isBehindProxy = config.telegram.webhook !== undefined || config.http.trustProxy.length > 0
  http.mount((fastify) => serveMetrics(fastify, { metrics, token: metricsToken, isBehindProxy }))
  const intake = new HookIntake({ live, queue, database, store: shared, clock, log })
  intake.start()
  opened.add(() => intake.stop())
  http.mount((fastify) => serveHooks(fastify, { intake, measured: background, log }))
  http.mount((fastify) => serveApi(fastify, { api, log }))
  http.mount((fastify) => serveFileLinks(fastify, { links: fileLinks, gateway, log }))
  const { mount } = parts
  if (mount !== undefined) http.mount((fastify) => mount(fastify, reloader.events))
  await http.open()
}
