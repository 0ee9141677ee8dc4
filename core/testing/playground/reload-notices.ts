import type { EventEmitter } from 'node:events'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { ReloadEvents } from '../../plugin/reload/events.ts'
import { describeFailure } from '../../plugin/reload/records.ts'
import type { PlaygroundNotices } from './notices.ts'

/** Tells open pages what came of each load, reload and removal of a plugin. */
export function passOnReloads(
  reloads: EventEmitter<ReloadEvents>,
  notices: PlaygroundNotices,
  log: Pick<Logger, 'redact'>,
): void {
  reloads.on('committed', ({ id }, reports) => {
    for (const { plugin, action, ms } of reports) {
      // the failure that brought the last good build back is the news, and stays in sight
      if (action === 'last-good' || action === 'abort') continue
      notices.emit('notice', {
        type: 'reload',
        ok: true,
        change: action === 'roll-back' ? 'reload' : action,
        plugin,
        generation: id,
        ms,
      })
    }
  })
  reloads.on('forgotten', (plugin) => {
    notices.emit('notice', { type: 'reload', ok: true, change: 'unload', plugin })
  })
  reloads.on('aborted', ({ plugin, before, error }) => {
    const { code, message } = describeFailure(error, (text) => log.redact(text))
    const frame = error instanceof OpsError ? error.details.frame : undefined
    notices.emit('notice', {
      type: 'reload',
      ok: false,
      change: before === undefined ? 'load' : 'reload',
      plugin,
      code,
      message,
      ...(typeof frame === 'string' ? { frame } : {}),
    })
  })
}
