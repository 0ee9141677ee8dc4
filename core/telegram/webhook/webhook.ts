import type { OpsError } from '../../errors.ts'
import type { Acceptance, WebhookFront } from './front.ts'
import type { WebhookRegistration } from './registration.ts'

/** How well updates arrive, for `/readyz`. */
export interface Arrival {
  readonly status: 'up' | 'degraded'
  readonly detail: string
}

/** An error of a delivery counts for so long, unless one arrived after it, ms. */
const errorMs = 300_000

/** Updates as Telegram sends them: the place where they arrive, and what Telegram knows of it. */
export class Webhook {
  readonly #front: WebhookFront
  readonly #registration: WebhookRegistration

  constructor(front: WebhookFront, registration: WebhookRegistration) {
    this.#front = front
    this.#registration = registration
  }

  get failed(): Promise<OpsError> {
    return this.#registration.failed
  }

  /** Updates are taken over from now on. */
  open(acceptance: Acceptance): void {
    this.#front.open(acceptance)
  }

  /** Tells Telegram where to send them, if it doesn't know; now that they can be taken over. */
  register(): void {
    this.#registration.start()
  }

  /** Takes no more. Telegram keeps what it has: the webhook stays set, for the next start or another instance. */
  async stop(): Promise<void> {
    await Promise.all([this.#front.close(), this.#registration.stop()])
  }

  arrival(): Arrival {
    const { seen, trouble } = this.#registration
    if (trouble !== undefined) return { status: 'degraded', detail: trouble }
    if (seen === undefined) return { status: 'degraded', detail: 'Telegram was not asked yet' }
    const { info, isOurs } = seen
    if (!isOurs) return { status: 'degraded', detail: 'Telegram has another webhook, or none' }
    const waiting = `${info.pending_update_count} wait`
    const { last_error_date: at, last_error_message: message = 'no reason given' } = info
    const arrivedSince = (this.#front.acceptedAt ?? 0) / 1_000 > (at ?? 0) + 1
    if (at === undefined || arrivedSince || Date.now() - at * 1_000 > errorMs) {
      return { status: 'up', detail: waiting }
    }
    // Telegram's words, not to be trusted with a log viewer's or a page's layout
    const reason = message.replaceAll(/\s+/g, ' ').slice(0, 200)
    return { status: 'degraded', detail: `${waiting}, the last delivery failed: ${reason}` }
  }
}
