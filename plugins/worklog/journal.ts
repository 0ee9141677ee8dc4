import { type BotUser, bold, type Html, html, type OpsContext } from 'opsgram'
import { WorklogEntry } from './entities.ts'
import { formatMinutes, formatTime } from './format.ts'
import { type Period, rangeOf } from './period.ts'

/** Entries of a period, oldest first. */
export function entriesOf(
  { em, timeZone }: Pick<OpsContext, 'em' | 'timeZone'>,
  period: Period,
): Promise<WorklogEntry[]> {
  const { from, to } = rangeOf(period, timeZone)
  return em.find(
    WorklogEntry,
    { workedAt: { $gte: from, $lt: to }, deletedAt: null },
    { populate: ['author'], orderBy: { workedAt: 'asc', id: 'asc' } },
  )
}

/** Entries by person, with the totals of each and of all. */
export function journal(
  entries: readonly WorklogEntry[],
  period: Period,
  { t, language, timeZone }: Pick<OpsContext, 't' | 'language' | 'timeZone'>,
): Html {
  const title = bold(t(`period.${period.kind}`, { count: 'days' in period ? period.days : 0 }))
  if (entries.length === 0) return html`${title}\n${t('list.empty')}`
  const total = (own: readonly WorklogEntry[]) =>
    formatMinutes(
      own.reduce((sum, { minutes }) => sum + minutes, 0),
      language,
    )
  const people = [...Map.groupBy(entries, ({ author }) => author)]
    .map(([author, own]) => ({ name: nameOf(author), own }))
    .sort((a, b) => a.name.localeCompare(b.name, language))
    .map(({ name, own }) => {
      const lines = own.map(({ workedAt, minutes, text }) => {
        const when = formatTime(workedAt, language, timeZone)
        return html`${when} · ${formatMinutes(minutes, language)} · ${text}\n`
      })
      return html`\n${bold(name)} — ${total(own)}\n${lines}`
    })
  const sum = people.length > 1 && html`\n${t('list.total')} ${bold(total(entries))}`
  return html`${title}\n${people}${sum}`
}

/** Whether an entry's author is meant by a name, a part of it, or `@username`. */
export function isBy({ author }: WorklogEntry, person: string): boolean {
  const names = [nameOf(author), `@${author.username ?? ''}`, String(author.telegramId)]
  return names.some((name) => name.toLowerCase().includes(person.toLowerCase()))
}

export function nameOf({ firstName, lastName, username, telegramId }: BotUser): string {
  const full = [firstName, lastName].filter(Boolean).join(' ')
  return full || (username === null ? String(telegramId) : `@${username}`)
}
