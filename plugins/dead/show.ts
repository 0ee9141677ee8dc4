import {
  code,
  type DeadLetter,
  type DeadLettersApi,
  type Html,
  html,
  type OpsContext,
  pre,
} from 'opsgram'

const perList = 10
/** Of what a person wrote and of an error so much is shown. */
const shown = 1_000

type Speaking = Pick<OpsContext, 't' | 'language' | 'timeZone'>

/** The newest ones, a line each. */
export async function list(
  ctx: Speaking & { readonly use: { readonly dead: DeadLettersApi } },
): Promise<Html | string> {
  const { t, use } = ctx
  const { letters, total } = await use.dead.list(perList)
  if (total === 0) return t('none')
  const lines = letters.map(
    ({ errorId, buriedAt, reason }) =>
      html`\n${code(errorId)} · ${timeOf(buriedAt, ctx)} · ${firstLine(reason)}`,
  )
  return html`${t('title', { count: total })}\n${lines}\n\n${t('more')}`
}

/** One of them with all that is known. */
export function card(letter: DeadLetter, ctx: Speaking): Html {
  const { t } = ctx
  const { errorId, kind, text, reason, chatId, userId, tries } = letter
  const facts = [
    t('card.received', { when: timeOf(letter.receivedAt, ctx) }),
    t('card.buried', { when: timeOf(letter.buriedAt, ctx) }),
    chatId !== undefined && t('card.chat', { chat: chatId }),
    userId !== undefined && t('card.person', { person: userId }),
    tries > 0 && t('card.tries', { count: tries }),
  ]
  return html`${code(errorId)} · ${kind}
${facts.filter(Boolean).join('\n')}${text !== undefined && html`\n${pre(text.slice(0, shown))}`}
${pre(reason.slice(0, shown))}`
}

function firstLine(reason: string): string {
  return (reason.split('\n')[0] ?? '').slice(0, 80)
}

function timeOf(at: Date, { language, timeZone }: Speaking): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
