import type { FakeBotApi } from '../bot-api/api.ts'
import type { Fault, FaultKind, FaultTarget } from '../bot-api/faults.ts'
import type { Call } from '../bot-api/journal.ts'

export interface FailOptions extends Omit<FaultTarget, 'method'> {
  /** Seconds that a 429 asks to wait; default 1. */
  retryAfter?: number
  /** Text of the error. */
  description?: string
}

/** The Telegram of a test bot: what the bot called, and what shall go wrong. */
export class TestTelegram {
  /** The fake Bot API itself, for all that is not here. */
  readonly api: FakeBotApi

  constructor(api: FakeBotApi) {
    this.api = api
  }

  /** The calls so far, of one method or all, oldest first. */
  calls(method?: string): readonly Call[] {
    return this.api.journal.calls(method)
  }

  /** The next call of a method fails with this HTTP status, or in another way; `times` for more than one. */
  fail(method: string, fault: number | FaultKind, options: FailOptions = {}): Fault {
    const {
      retryAfter = 1,
      description = 'Bad Request: made to fail by a test',
      ...target
    } = options
    const kind = typeof fault === 'number' ? kindOf(fault, retryAfter, description) : fault
    return this.api.faults.add({ times: 1, ...target, method, ...kind })
  }
}

function kindOf(status: number, retryAfter: number, description: string): FaultKind {
  if (status === 429) return { kind: '429', retryAfter }
  return status >= 500 ? { kind: '5xx', status } : { kind: 'error', status, description }
}
