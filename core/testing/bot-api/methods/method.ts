import type { Params } from '../request.ts'
import type { WebhookDelivery } from '../updates/delivery.ts'
import type { LongPoll } from '../updates/poll.ts'
import type { UpdateQueue } from '../updates/queue.ts'
import type { World } from '../world/world.ts'

/** All that a method can see and change. */
export interface Backend {
  readonly world: World
  readonly queue: UpdateQueue
  readonly poll: LongPoll
  readonly privacyMode: boolean
  readonly delivery: WebhookDelivery
}

/**
 * One method of the Bot API: returns its `result`, now or later, or throws an ApiFailure. `signal`
 * is aborted when the caller hangs up.
 */
export type Method = (backend: Backend, params: Params, signal: AbortSignal) => unknown
