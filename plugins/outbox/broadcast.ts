import {
  type ActiveUser,
  type Button,
  buttons,
  type Content,
  edit,
  type Html,
  html,
  type OpsContext,
  type OutboxApi,
} from 'opsgram'
import { record } from './act.ts'

type Key = 'look' | 'pause' | 'resume' | 'end'
type Asking = Pick<OpsContext, 't' | 'em' | 'facts'> & {
  readonly actor: ActiveUser
  readonly use: { readonly outbox: OutboxApi }
  button(action: Key, data: { id: string }): Button
}

/** Asks before anything is sent. */
export function preview({ t }: Pick<OpsContext, 't'>, people: number, text: string): Html {
  return html`${t('broadcast.ask', { count: people })}\n\n${text}`
}

/** How far a broadcast is, in place of the message whose button was pressed. @param what goes on record */
export async function progress(ctx: Asking, id: string, what?: string): Promise<Content> {
  const { t, use } = ctx
  if (what !== undefined) record(ctx, `broadcast.${what}`, `broadcast:${id}`)
  const now = await use.outbox.broadcasts.progress(id)
  if (now === undefined) return edit(t('broadcast.gone'))
  const { total, sent, waiting, unsure, failed, dropped, isPaused } = now
  const state = waiting === 0 ? 'done' : isPaused ? 'paused' : 'running'
  const lines = [
    t(`broadcast.${state}`, { sent, total }),
    failed > 0 && t('broadcast.failed', { count: failed }),
    unsure > 0 && t('broadcast.unsure', { count: unsure }),
    dropped > 0 && t('broadcast.dropped', { count: dropped }),
  ]
  const keys: readonly Key[] =
    waiting === 0
      ? []
      : [...(isPaused ? [] : (['look'] as const)), isPaused ? 'resume' : 'pause', 'end']
  const keyboard = buttons(keys.map((key) => ctx.button(key, { id })))
  return edit(lines.filter(Boolean).join('\n'), keys.length === 0 ? undefined : keyboard)
}
