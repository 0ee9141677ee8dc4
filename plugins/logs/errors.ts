import {
  type ActiveUser,
  code,
  type ErrorReport,
  type Html,
  html,
  type KnownError,
  type LogsApi,
  type OpsContext,
  pre,
} from 'opsgram'

type Asking = Pick<OpsContext, 't' | 'language' | 'timeZone'> & {
  readonly actor: ActiveUser
  readonly use: { readonly logs: LogsApi }
}

const perList = 10
/** Of a message so much is shown. */
const shown = 1_000

/** The newest errors, a line each. */
export async function list(ctx: Asking): Promise<Html | string> {
  const { t, use } = ctx
  const errors = await use.logs.newestErrors(perList)
  if (errors.length === 0) return t('error.none')
  const lines = errors.map(
    (error) =>
      html`\n${code(error.errorId)} · ${timeOf(error.at, ctx)} · ${placeOf(error)} · ${firstLine(error)}`,
  )
  return html`${t('error.newest')}\n${lines}\n\n${t('error.more')}`
}

/** All that is known of one; where in the code it was, owners alone are told. */
export async function one(ctx: Asking, id: string): Promise<Html | string> {
  const { t, actor, use } = ctx
  const error = await use.logs.findError(id)
  if (error === undefined) return t('error.unknown', { id })
  const facts = [
    timeOf(error.at, ctx),
    error.userId !== undefined && t('error.person', { person: error.userId }),
    error.chatId !== undefined &&
      error.chatId !== error.userId &&
      t('error.chat', { chat: error.chatId }),
    error.updateId !== undefined && t('error.update', { update: error.updateId }),
    error.jobId !== undefined && t('error.job', { job: error.jobId }),
    againOf(error, ctx),
    t('error.where', { event: error.event, instance: error.instance }),
  ]
  const isShown = actor.role === 'owner' && error.stack.length > 0
  return html`${code(error.errorId)} · ${placeOf(error)}
${facts.filter(Boolean).join('\n')}
${pre(`${error.code}: ${error.message}`.slice(0, shown))}${isShown && html`\n${pre(error.stack.join('\n').slice(0, shown))}`}`
}

function againOf(error: KnownError, ctx: Asking): string {
  const { t } = ctx
  if (error.times <= 1) return t('error.once')
  return t('error.times', {
    count: error.times,
    first: timeOf(error.firstAt, ctx),
    last: timeOf(error.lastAt, ctx),
    id: error.lastErrorId,
  })
}

function placeOf({ plugin, what, event }: ErrorReport): string {
  return [plugin, what].filter(Boolean).join('.') || event
}

function firstLine({ code, message }: ErrorReport): string {
  return `${code}: ${message.split('\n')[0] ?? ''}`.slice(0, 80)
}

function timeOf(at: Date, { language, timeZone }: Asking): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'medium' })
}
