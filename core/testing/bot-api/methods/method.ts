import type { Params } from '../request.ts'
import type { LongPoll } from '../updates/poll.ts'
import type { UpdateQueue } from '../updates/queue.ts'
import type { World } from '../world/world.ts'

/** What setWebhook was told; delivery is not this fake's part. */
export interface Webhook {
  url: string
  secretToken: string
  maxConnections: number
  ipAddress: string
  hasCertificate: boolean
}

/** All that a method can see and change. */
export interface Backend {
  readonly world: World
  readonly queue: UpdateQueue
  readonly poll: LongPoll
  readonly privacyMode: boolean
  webhook: Webhook | undefined
}

/**
 * One method of the Bot API: returns its `result`, now or later, or throws an ApiFailure. `signal`
 * is aborted when the caller hangs up.
 */
export type Method = (backend: Backend, params: Params, signal: AbortSignal) => unknown
