import { createHmac } from 'node:crypto'
import { TelegramError } from 'telegraf'
import { z } from 'zod'
import type { Queries } from '../../database/connection.ts'
import { codeOf, OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import { Backoff, sleep } from '../backoff.ts'
import type { Gateway } from '../gateway.ts'
import { classicUpdateKinds, updateKinds } from '../kinds.ts'

/** Which of several instances does what must be done once. */
export interface Lead {
  readonly leads: boolean
  onChange(listener: (leads: boolean) => void): void
}

export interface RegistrationOptions {
  readonly gateway: Pick<Gateway, 'call'>
  readonly database: Queries
  readonly botId: number
  /** Keys what is remembered: a short secret could be found out from a plain hash of it. */
  readonly token: string
  readonly url: string
  /** The one that Telegram is to send. */
  readonly secret: string
  readonly certificate: Buffer | undefined
  readonly ip: string | undefined
  readonly lead: Lead
  readonly log: Logger
}

/** What `getWebhookInfo` tells (Bot API, WebhookInfo), as far as it is used. */
const webhookInfo = z.object({
  url: z.string(),
  has_custom_certificate: z.boolean(),
  pending_update_count: z.number(),
  ip_address: z.string().optional(),
  /** Unix seconds. */
  last_error_date: z.number().optional(),
  last_error_message: z.string().optional(),
})

export type WebhookInfo = z.infer<typeof webhookInfo>

/** What Telegram says of the webhook, and when it said so. */
export interface Sighting {
  readonly info: WebhookInfo
  /** Whether it is the one of this bot's settings. */
  readonly isOurs: boolean
}

const lookEveryMs = 15_000
/**
 * Most updates at a time; each chat has one under way (WebhookActor.cpp). The most that Telegram's own server takes.
 */
const maxConnections = 100

/**
 * The webhook as Telegram knows it. The leading instance sets it, and only when something is new: `setWebhook` makes
 * Telegram drop its connections, and it is refused when it comes twice a second. Every instance looks at it now and then.
 */
export class WebhookRegistration {
  readonly #options: RegistrationOptions
  readonly #fingerprint: string
  readonly #stopping = new AbortController()
  readonly #failed = Promise.withResolvers<OpsError>()
  #wake = new AbortController()
  #running: Promise<void> | undefined
  #seen: Sighting | undefined
  #trouble: string | undefined

  constructor(options: RegistrationOptions) {
    const { url, secret, certificate, ip, token } = options
    this.#options = options
    const wanted = [url, secret, certificate?.toString('base64'), ip, maxConnections, updateKinds]
    this.#fingerprint = createHmac('sha256', token).update(JSON.stringify(wanted)).digest('hex')
  }

  /** Resolves when Telegram refuses the token for good. Never rejects. */
  get failed(): Promise<OpsError> {
    return this.#failed.promise
  }

  /** What Telegram said last; undefined when it hasn't been asked yet. */
  get seen(): Sighting | undefined {
    return this.#seen
  }

  /** The code of what keeps the webhook from being set or looked at. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  start(): void {
    this.#options.lead.onChange(() => this.#wake.abort())
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const backoff = new Backoff({ firstMs: 1_000, maxMs: lookEveryMs })
    while (!signal.aborted) {
      this.#wake = new AbortController()
      const wakened = AbortSignal.any([signal, this.#wake.signal])
      try {
        await this.#look()
        this.#trouble = undefined
        backoff.reset()
        await sleep(lookEveryMs, wakened).catch(() => undefined)
      } catch (error) {
        if (signal.aborted) return
        if (isRefused(error)) {
          const refusal = new OpsError('OPS_TOKEN_REFUSED', 'Telegram refused the bot token', {
            cause: error,
          })
          this.#failed.resolve(refusal)
          return
        }
        this.#trouble = codeOf(error) ?? 'refused'
        this.#options.log.warn('webhook.look-failed', { error })
        await sleep(backoff.next(), wakened).catch(() => undefined)
      }
    }
  }

  async #look(): Promise<void> {
    const info = await this.#ask()
    const known = await this.#remembered()
    const isOurs = known?.fingerprint === this.#fingerprint && known.shown === shownOf(info)
    this.#seen = { info, isOurs }
    if (isOurs || !this.#options.lead.leads) return
    if (known?.fingerprint === this.#fingerprint && info.url !== '') {
      // not an error: a switch from polling and back looks like this, and so does a stranger's program
      this.#options.log.warn('webhook.replaced', { hint: replacedHint })
    }
    await this.#set()
    const after = await this.#ask()
    await this.#remember(after)
    this.#seen = { info: after, isOurs: true }
  }

  async #set(): Promise<void> {
    const { url, log } = this.#options
    try {
      await this.#setFor(updateKinds)
    } catch (error) {
      if (!(error instanceof TelegramError) || error.code !== 400) throw error
      if (/webhook|url|certificate|ip|secret/i.test(error.description)) throw refusedBy(error)
      // an older server may not know the newer kinds
      log.warn('webhook.kinds-refused', { error })
      await this.#setFor(classicUpdateKinds)
    }
    log.info('webhook.set', { url })
  }

  async #setFor(kinds: readonly string[]): Promise<void> {
    const { gateway, url, secret, certificate, ip } = this.#options
    const payload = {
      url,
      secret_token: secret,
      max_connections: maxConnections,
      allowed_updates: kinds,
      // what waits at Telegram is what nobody has seen yet
      drop_pending_updates: false,
      ...(ip === undefined ? {} : { ip_address: ip }),
      ...(certificate === undefined
        ? {}
        : { certificate: { source: certificate, filename: 'webhook.pem' } }),
    }
    await gateway.call('setWebhook', payload, { signal: this.#stopping.signal })
  }

  async #ask(): Promise<WebhookInfo> {
    const { signal } = this.#stopping
    const answer = await this.#options.gateway.call('getWebhookInfo', {}, { signal })
    const parsed = webhookInfo.safeParse(answer)
    if (parsed.success) return parsed.data
    throw new OpsError('OPS_TELEGRAM_ANSWER', 'getWebhookInfo was answered by something else', {
      cause: parsed.error,
    })
  }

  async #remembered(): Promise<{ fingerprint: string; shown: string } | undefined> {
    const { database, botId } = this.#options
    const rows = await database.query<{ fingerprint: string; shown: string }>(
      'select fingerprint, shown from webhooks where bot_id = $1',
      [botId],
    )
    return rows[0]
  }

  async #remember(info: WebhookInfo): Promise<void> {
    const { database, botId } = this.#options
    await database.query(
      `insert into webhooks (bot_id, fingerprint, shown) values ($1, $2, $3)
       on conflict (bot_id) do update set fingerprint = excluded.fingerprint, shown = excluded.shown, set_at = now()`,
      [botId, this.#fingerprint, shownOf(info)],
    )
  }
}

/**
 * What Telegram shows of a webhook. It may write an address otherwise than it was given, so it is compared with
 * what it showed right after the webhook was set.
 */
function shownOf({ url, has_custom_certificate }: WebhookInfo): string {
  return `${has_custom_certificate ? 'own certificate' : 'public'} ${url}`
}

const replacedHint =
  'Somebody else set a webhook of this bot. It is set back. If it goes on: another program has the same token.'

/** 401: a revoked token; 404: one that can't be a token. */
function isRefused(error: unknown): boolean {
  return error instanceof TelegramError && (error.code === 401 || error.code === 404)
}

function refusedBy(error: TelegramError): OpsError {
  return new OpsError('OPS_WEBHOOK_REFUSED', `Telegram refused the webhook: ${error.description}`, {
    cause: error,
  })
}
