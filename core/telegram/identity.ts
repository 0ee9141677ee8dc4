import { TelegramError } from 'telegraf'
import type { UserFromGetMe } from 'telegraf/types'
import { OpsError } from '../errors.ts'
import type { Logger } from '../log/logger.ts'
import { Backoff, sleep } from './backoff.ts'
import type { Gateway } from './gateway.ts'

/** Who the bot is, asked until Telegram answers. @throws OPS_TOKEN_REFUSED, OPS_SHUTDOWN */
export async function whoAmI(
  gateway: Gateway,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<UserFromGetMe> {
  const backoff = new Backoff({ firstMs: 500, maxMs: 30_000 })
  for (;;) {
    try {
      return await gateway.call<UserFromGetMe>('getMe', {}, { signal })
    } catch (error) {
      if (signal?.aborted === true)
        throw new OpsError('OPS_SHUTDOWN', 'Stopped before it had started')
      if (error instanceof TelegramError && (error.code === 401 || error.code === 404)) {
        throw new OpsError('OPS_TOKEN_REFUSED', 'Telegram refused BOT_TOKEN', { cause: error })
      }
      log.warn('telegram.unreachable', { error })
      await sleep(backoff.next(), signal).catch(() => undefined)
    }
  }
}

/** The bot's id, which its token begins with. */
export function botIdOf(token: string): number {
  return Number(token.split(':', 1)[0])
}
