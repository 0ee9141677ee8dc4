import type { Database } from '../database/connection.ts'
import { codeOf } from '../errors.ts'
import type { HealthChecks, HealthResult } from '../http/health.ts'
import type { Reloader } from '../plugin/reload/reloader.ts'
import type { Store } from '../store/store.ts'
import type { Gateway } from '../telegram/gateway.ts'

/** What `/readyz` asks of the core. */
export function registerHealth(
  health: HealthChecks,
  parts: { database: Database; store: Store; gateway: Gateway; reloader: Reloader },
): void {
  const { database, store, gateway, reloader } = parts
  health.register('database', async () => {
    await database.ping()
    return { status: 'up', detail: database.kind }
  })
  health.register('store', () =>
    store.trouble === undefined
      ? { status: 'up', detail: store.kind }
      : { status: 'degraded', detail: store.trouble.code },
  )
  health.register('telegram', telegramCheck(gateway))
  health.register('plugins', () => {
    const { authenticator, authorizer } = reloader.live.current
    if (authenticator === undefined || authorizer === undefined) {
      return { status: 'down', detail: 'no live plugin lets anybody in' }
    }
    const failed = reloader.records.failed()
    if (failed.length > 0) return { status: 'degraded', detail: `${failed.length} failed` }
    return { status: 'up', detail: `${reloader.live.current.plugins.size} live` }
  })
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
