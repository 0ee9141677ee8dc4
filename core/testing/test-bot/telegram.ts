import { OpsError } from '../../errors.ts'
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

  /** The last file that the bot sent into somebody's private chat. @throws OPS_TEST_MISSING when there is none */
  sentFile(person: { readonly id: number }): {
    readonly name: string
    readonly data: Buffer
    readonly text: string
  } {
    const message = this.api.messages(person.id).findLast(({ api }) => api.document !== undefined)
    const file = this.api.world.files.get(message?.api.document?.file_id ?? '')
    if (file === undefined) throw new OpsError('OPS_TEST_MISSING', 'The bot sent no file there')
    return { name: file.name, data: file.data, text: file.data.toString('utf8') }
  }

  /**
   * The next call of a method fails with this HTTP status, or its connection breaks (`reset`) or never answers (`hang`);
   * `times` for more than one. A 429 is waited out on `bot.clock`; 403 is what a bot gets that was blocked.
   */
  fail(
    method: string,
    fault: number | 'reset' | 'hang' | FaultKind,
    options: FailOptions = {},
  ): Fault {
    const { retryAfter = 1, description, ...target } = options
    return this.api.faults.add({
      times: 1,
      ...target,
      method,
      ...kindOf(fault, retryAfter, description),
    })
  }
}

/** What Telegram says with these (Bot API, errors as its server words them). */
const descriptions: Readonly<Record<number, string>> = {
  400: 'Bad Request: made to fail by a test',
  403: 'Forbidden: bot was blocked by the user',
}

function kindOf(
  fault: Parameters<TestTelegram['fail']>[1],
  retryAfter: number,
  description: string | undefined,
): FaultKind {
  if (typeof fault === 'object') return fault
  if (typeof fault === 'string') return { kind: fault }
  if (fault === 429) return { kind: '429', retryAfter }
  if (fault >= 500) return { kind: '5xx', status: fault }
  const text = description ?? descriptions[fault] ?? 'Error: made to fail by a test'
  return { kind: 'error', status: fault, description: text }
}
