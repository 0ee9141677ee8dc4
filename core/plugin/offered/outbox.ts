import type { Database } from '../../database/connection.ts'
import { OpsError } from '../../errors.ts'
import { type BroadcastProgress, Broadcasts } from '../../outbox/broadcasts.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import type { OutboxRecords } from '../../outbox/records.ts'
import { textParts } from '../../telegram/text-parts.ts'
import { type Answer, contentOf } from '../run/content.ts'
import { messagesOf, type NotifyOptions, type NotifyTarget, noticeOf } from '../run/notify.ts'
import type { ContentSender } from '../run/sender.ts'

/** Messages that must not be lost, for code outside of handlers, and for screens that show them. */
export interface OutboxApi extends OutboxRecords {
  /**
   * Writes a message to anybody into the outbox: when this resolves it will be sent, whatever happens to the
   * process. Handlers have `ctx.notify`, which is part of their transaction.
   *
   * @throws OPS_NOTIFY
   */
  notify(target: NotifyTarget, message: Answer, options?: NotifyOptions): Promise<void>
  readonly broadcasts: {
    /** How many people a broadcast would reach: those let in who have ever written to the bot. */
    audience(): Promise<number>
    /**
     * Writes to all of them, at the pace of notices.
     *
     * @param id made by whoever asks, a `ulid()`: begun a second time under the same one it does nothing
     * @throws OPS_NOTIFY
     */
    begin(id: string, message: Answer): Promise<void>
    /** @returns undefined when there is none, or it was days ago */
    progress(id: string): Promise<BroadcastProgress | undefined>
    pause(id: string): Promise<void>
    resume(id: string): Promise<void>
    /** What was not sent never will be. */
    end(id: string): Promise<void>
  }
}

export interface OutboxServiceParts {
  readonly database: Database
  readonly outbox: Pick<Outbox, 'write' | 'wake'>
  readonly records: OutboxRecords
  readonly sender: Pick<ContentSender, 'prepare'>
}

/** The outbox as one plugin sees it. */
export function outboxFor(plugin: string, parts: OutboxServiceParts): OutboxApi {
  const { database, outbox, records, sender } = parts
  const broadcasts = new Broadcasts({ database, wake: () => outbox.wake() })
  return {
    list: (limit) => records.list(limit),
    find: (id) => records.find(id),
    sendAgain: (id) => records.sendAgain(id),
    drop: (id) => records.drop(id),
    async notify(target, message, options) {
      const notice = noticeOf(plugin, target, message, options)
      await outbox.write(database, await messagesOf([notice], sender, database))
      outbox.wake()
    },
    broadcasts: {
      audience: () => broadcasts.audience(),
      async begin(id, message) {
        const content = contentOf(message)
        if (content === undefined || content.buttons.length > 0) {
          const what = content === undefined ? 'nothing' : 'a message with buttons'
          throw new OpsError('OPS_NOTIFY', `Plugin ${plugin} wrote ${what} to everybody`, {
            hint: 'A broadcast is text or html.',
          })
        }
        const messages = textParts(content.text).map((part) => ({ part }))
        await broadcasts.begin(id, plugin, messages)
      },
      progress: (id) => broadcasts.progress(id),
      pause: (id) => broadcasts.pause(id),
      resume: (id) => broadcasts.resume(id),
      end: (id) => broadcasts.end(id),
    },
  }
}
