import {
  code,
  type Html,
  html,
  type OpsContext,
  type OutboxApi,
  type OutboxMessage,
  pre,
} from 'opsgram'

const perList = 10
/** Of a text and of an error so much is shown. */
const shown = 1_000

type Speaking = Pick<OpsContext, 't' | 'language' | 'timeZone'>

/** The newest ones, a line each. */
export async function list(
  ctx: Speaking & { readonly use: { readonly outbox: OutboxApi } },
): Promise<Html | string> {
  const { t, use } = ctx
  const { messages, counts } = await use.outbox.list(perList)
  if (counts.waiting + counts.unsure + counts.failed === 0) return t('none')
  const lines = messages.map(
    ({ id, state, chatId, createdAt, text }) =>
      html`\n${code(String(id))} · ${t(`state.${state}`)} · ${timeOf(createdAt, ctx)} → ${chatId} · ${firstLine(text)}`,
  )
  return html`${t('title', { ...counts })}\n${lines}\n\n${t('more')}`
}

/** One of them with all that is known. */
export function card(message: OutboxMessage, ctx: Speaking): Html {
  const { t } = ctx
  const { id, kind, state, chatId, plugin, text, error, tries, repeats, createdAt, nextAt } =
    message
  const facts = [
    t('card.written', { when: timeOf(createdAt, ctx) }),
    t('card.chat', { chat: chatId }),
    plugin !== undefined && t('card.plugin', { plugin }),
    tries > 0 && t('card.tries', { count: tries }),
    repeats > 0 && t('card.repeats', { count: repeats }),
    nextAt !== undefined && t('card.next', { when: timeOf(nextAt, ctx) }),
  ]
  return html`${code(String(id))} · ${t(`kind.${kind}`)} · ${t(`state.${state}`)}
${facts.filter(Boolean).join('\n')}${text !== '' && html`\n${pre(text.slice(0, shown))}`}${error !== undefined && html`\n${pre(error.slice(0, shown))}`}`
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 60)
}

function timeOf(at: Date, { language, timeZone }: Speaking): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
