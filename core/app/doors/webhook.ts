import type { Update } from 'telegraf/types'
import type { Config } from '../../../config/config.ts'
import type { Database } from '../../database/connection.ts'
import { clientAddress } from '../../http/client-address.ts'
import type { HealthChecks } from '../../http/health.ts'
import type { DirectRoute } from '../../http/server.ts'
import type { Logger } from '../../log/logger.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import { readCertificate } from '../../telegram/webhook/certificate.ts'
import { type Acceptance, WebhookFront } from '../../telegram/webhook/front.ts'
import { type Lead, WebhookRegistration } from '../../telegram/webhook/registration.ts'
import { Webhook } from '../../telegram/webhook/webhook.ts'
import type { Inbox } from '../../update/inbox/inbox.ts'

/** Where updates will arrive: answers from the first moment on, with "later" until it is opened. */
export interface WebhookPlace {
  readonly route: DirectRoute
  /** Ties it to what only a running bot has. */
  join(parts: WebhookParts): Webhook
}

export interface WebhookParts {
  readonly gateway: Gateway
  readonly database: Database
  readonly botId: number
  readonly health: HealthChecks
  readonly lead: Lead
}

/** Whoever is alone. */
export const alwaysLeads: Lead = { leads: true, onChange: () => undefined }

/** How the inbox takes over what arrives one by one. */
export function acceptanceOf(inbox: Inbox): Acceptance {
  return {
    // parsed as far as anything relies on it: see facts.ts
    accept: (update) => inbox.accept([update as Update]),
    get isFull() {
      return inbox.isFull
    },
  }
}

/** @returns undefined when updates are polled for @throws OPS_WEBHOOK_CERT */
export async function prepareWebhook(
  { telegram, http }: Config,
  log: Logger,
): Promise<WebhookPlace | undefined> {
  const { webhook, token = '' } = telegram
  if (webhook === undefined) return undefined
  const { url, path, secrets, certificateFile, ip } = webhook
  const certificate =
    certificateFile === undefined ? undefined : await readCertificate(certificateFile)
  const front = new WebhookFront({ secrets, addressOf: clientAddress(http.trustProxy), log })
  return {
    route: { path, serve: front.serve },
    join({ gateway, database, botId, health, lead }) {
      const secret = secrets.at(-1) ?? ''
      const told = { url, secret, certificate, ip, token, botId }
      const registration = new WebhookRegistration({ ...told, gateway, database, lead, log })
      const joined = new Webhook(front, registration)
      health.register('webhook', () => joined.arrival())
      return joined
    },
  }
}
