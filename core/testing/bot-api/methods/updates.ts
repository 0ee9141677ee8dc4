import { isDeepStrictEqual } from 'node:util'
import { ApiFailure, badRequest, tooManyRequests } from '../failure.ts'
import type { Params } from '../request.ts'
import type { Backend, Method } from './method.ts'

/** How updates come: by asking, or by webhook. */
export const updateMethods: Record<string, Method> = {
  async getUpdates(backend, params, signal) {
    if (backend.delivery.webhook) {
      await backend.poll.conflictPause()
      throw new ApiFailure(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
      )
    }
    allow(backend, params)
    return backend.poll.get({
      offset: params.integer('offset'),
      limit: params.clamped('limit', 100, 1, 100),
      timeout: params.clamped('timeout', 0, 0, 50),
      signal,
    })
  },

  setWebhook(backend, params) {
    const url = params.string('url')
    const secretToken = params.string('secret_token')
    if (!/^[\w-]{0,256}$/.test(secretToken)) {
      throw badRequest('secret token contains unallowed characters')
    }
    if (url !== '' && !/^https:\/\/[^/\s]+\.[^/\s]+/.test(url) && !isLoopback(url)) {
      throw badRequest('bad webhook: An HTTPS URL must be provided for webhook')
    }
    const { delivery } = backend
    const isNew = allow(backend, params)
    if (params.flag('drop_pending_updates')) backend.queue.clear()
    if (url === '') {
      delivery.set(undefined)
      return true
    }
    const webhook = {
      url,
      secretToken,
      maxConnections: params.clamped('max_connections', 40, 1, 100),
      ipAddress: params.string('ip_address'),
      hasCertificate: params.files.has('certificate'),
    }
    // a certificate may be another one under the same name
    const isSame = !webhook.hasCertificate && isDeepStrictEqual(webhook, delivery.webhook)
    if (isSame && !isNew) return true
    const now = backend.world.now()
    if (now < (delivery.settableAt ?? 0)) throw tooManyRequests(1)
    delivery.settableAt = now + 1_000
    delivery.set(webhook)
    backend.poll.end('terminated by setWebhook request')
    return true
  },

  deleteWebhook(backend, params) {
    if (params.flag('drop_pending_updates')) backend.queue.clear()
    backend.delivery.set(undefined)
    return true
  },

  getWebhookInfo({ delivery: { webhook, lastError }, queue }) {
    return {
      url: webhook?.url ?? '',
      has_custom_certificate: webhook?.hasCertificate ?? false,
      pending_update_count: queue.size,
      ...(lastError && {
        last_error_date: Math.floor(lastError.at / 1000),
        last_error_message: lastError.message,
      }),
      ...(webhook && { max_connections: webhook.maxConnections }),
      ...(webhook?.ipAddress && { ip_address: webhook.ipAddress }),
      ...(queue.allowed && { allowed_updates: queue.allowed }),
    }
  },
}

/** The setting stays until it is given again. @returns whether it is another one than before */
function allow({ queue }: Backend, params: Params): boolean {
  const kinds = params.json('allowed_updates')
  if (!Array.isArray(kinds)) return false
  const before = queue.allowed
  queue.allow(kinds.map(String))
  return !isDeepStrictEqual(before, queue.allowed)
}

/** Telegram takes HTTPS alone; tests and the playground have no certificate. */
function isLoopback(url: string): boolean {
  return /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(url)
}
