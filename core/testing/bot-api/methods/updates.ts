import { ApiFailure, badRequest } from '../failure.ts'
import type { Params } from '../request.ts'
import type { Backend, Method } from './method.ts'

/** How updates come: by asking, or (kept here, delivered elsewhere) by webhook. */
export const updateMethods: Record<string, Method> = {
  async getUpdates(backend, params, signal) {
    if (backend.webhook) {
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
    allow(backend, params)
    if (params.flag('drop_pending_updates')) backend.queue.clear()
    backend.webhook =
      url === ''
        ? undefined
        : {
            url,
            secretToken,
            maxConnections: params.clamped('max_connections', 40, 1, 100),
            ipAddress: params.string('ip_address'),
            hasCertificate: params.files.has('certificate'),
          }
    if (backend.webhook) backend.poll.end('terminated by setWebhook request')
    return true
  },

  deleteWebhook(backend, params) {
    if (params.flag('drop_pending_updates')) backend.queue.clear()
    backend.webhook = undefined
    return true
  },

  getWebhookInfo({ webhook, queue }) {
    return {
      url: webhook?.url ?? '',
      has_custom_certificate: webhook?.hasCertificate ?? false,
      pending_update_count: queue.size,
      ...(webhook && { max_connections: webhook.maxConnections }),
      ...(webhook?.ipAddress && { ip_address: webhook.ipAddress }),
      ...(queue.allowed && { allowed_updates: queue.allowed }),
    }
  },
}

/** The setting stays until it is given again. */
function allow({ queue }: Backend, params: Params): void {
  const kinds = params.json('allowed_updates')
  if (Array.isArray(kinds)) queue.allow(kinds.map(String))
}

/** Telegram takes HTTPS alone; tests and the playground have no certificate. */
function isLoopback(url: string): boolean {
  return /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/.test(url)
}
