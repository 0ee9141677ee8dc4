import { codeOf } from '../../errors.ts'
import type { HealthChecks, HealthResult } from '../../http/health.ts'
import type { PluginCheck } from '../../plugin/offered/health.ts'
import type { MaintenanceApi } from '../../plugin/offered/maintenance.ts'
import type { Reloader } from '../../plugin/reload/reloader.ts'
import type { Store } from '../../store/store.ts'
import { sleep } from '../../telegram/backoff.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import type { DatabaseLook } from './database.ts'
import { diskCheck } from './disk.ts'

/** How long `/readyz` waits for the first look of a plugin's check. Less than what it gives a check itself. */
const firstLookMs = 1_000

/** What `/readyz` asks of the core. */
export function registerHealth(
  health: HealthChecks,
  parts: {
    database: { readonly kind: string; readonly look: DatabaseLook }
    store: Store
    gateway: Gateway
    reloader: Reloader
    maintenance: MaintenanceApi
    dataDir: string
  },
): void {
  const { database, store, gateway, reloader, maintenance, dataDir } = parts
  health.register('database', async () => {
    await database.look()
    return { status: 'up', detail: database.kind }
  })
  health.register('store', () =>
    store.trouble === undefined
      ? { status: 'up', detail: store.kind }
      : { status: 'degraded', detail: store.trouble.code },
  )
  health.register('updates', () => {
    const pause = maintenance.current
    return pause === undefined
      ? { status: 'up' }
      : { status: 'degraded', detail: `paused since ${pause.since.toISOString()}` }
  })
  health.register('telegram', telegramCheck(gateway))
  health.register('disk', diskCheck(dataDir))
  registerPluginChecks(health, reloader)
  health.register('plugins', () => {
    const { authenticator, authorizer } = reloader.live.current
    if (authenticator === undefined || authorizer === undefined) {
      return { status: 'down', detail: 'no live plugin lets anybody in' }
    }
    const failed = reloader.records.failed()
    if (failed.length > 0) return { status: 'degraded', detail: `${failed.length} failed` }
    const draining = reloader.live.draining().size
    const old = draining === 0 ? '' : `, ${draining} replaced and still at work`
    return { status: 'up', detail: `${reloader.live.current.plugins.size} live${old}` }
  })
}

/** A check of a plugin that is down makes the process not ready only if the plugin calls it critical. */
async function answerOf(check: PluginCheck): Promise<HealthResult> {
  if (check.state === undefined) {
    // at a start: whoever asks that early shall not wait for ever
    const soon = sleep(firstLookMs)
    await Promise.race([check.looked, soon])
  }
  const { state, critical } = check
  const worst = critical ? 'down' : 'degraded'
  if (state === undefined) return { status: worst, detail: 'not checked yet' }
  const { status, code, detail, ms: latencyMs } = state
  if (status !== 'down') return { status, latencyMs, ...(detail === undefined ? {} : { detail }) }
  // what was thrown may hold anything: its code says enough here
  return { status: worst, latencyMs, detail: code ?? detail ?? 'down' }
}

/** Keeps `/readyz` to the checks of the live plugins, as `plugin.check`. */
function registerPluginChecks(health: HealthChecks, reloader: Reloader): void {
  const registered = new Map<string, { check: PluginCheck; remove: () => void }>()
  const follow = () => {
    const live = new Map<string, PluginCheck>(
      [...reloader.live.current.plugins.values()].flatMap(({ name, checks }) =>
        checks.map((check) => [`${name}.${check.check}`, check] as const),
      ),
    )
    for (const [name, { check, remove }] of registered) {
      if (live.get(name) === check) continue
      remove()
      registered.delete(name)
    }
    for (const [name, check] of live) {
      if (registered.has(name)) continue
      registered.set(name, { check, remove: health.register(name, () => answerOf(check)) })
    }
  }
  reloader.events.on('committed', follow)
  follow()
}

/** Asks Telegram itself, at most every 15 s: whoever reads /readyz must not cause calls. */
function telegramCheck(gateway: Gateway): () => Promise<HealthResult> {
  let last: { at: number; result: HealthResult } | undefined
  return async () => {
    if (last !== undefined && performance.now() - last.at < 15_000) return last.result
    let result: HealthResult
    try {
      await gateway.call('getMe', {}, { retry: false, timeoutMs: 1_500 })
      result = { status: 'up' }
    } catch (error) {
      // updates wait at Telegram meanwhile, so the process itself is fine
      result = { status: 'degraded', detail: codeOf(error) ?? 'refused' }
    }
    last = { at: performance.now(), result }
    return result
  }
}
