import { type BotUser, type Html, html, type Translate } from 'opsgram'
import { readMetadata } from '../person-metadata.ts'
import { momentOf } from '../rights/list.ts'
import { ago, nameOf } from './name.ts'

/**
 * All that is on record about one person.
 * @param adder who let them in, where that is known
 */
export function cardOf(
  person: BotUser,
  adder: BotUser | null,
  { t, language, timeZone }: { t: Translate; language: string | undefined; timeZone: string },
): Html {
  const now = new Date()
  const when = (date: Date) => ago(date, now, language)
  const { added } = readMetadata(person.metadata)
  const lines = [
    html`${t('card.id')}: <code>${person.telegramId}</code>`,
    html`${t('card.role')}: ${t(`role.${person.role}`, { defaultValue: person.role })}`,
    html`${t('card.status')}: ${t(`status.${person.status}`)}`,
    person.status === 'blocked' &&
      person.blockedReason &&
      html`${t('card.reason')}: ${person.blockedReason}`,
    person.blockedAt && html`${t('card.blocked')}: ${when(person.blockedAt)}`,
    person.accessUntil &&
      html`${t('card.until')}: ${momentOf(person.accessUntil, { language: language ?? 'en', timeZone })}`,
    html`${t('card.seen')}: ${person.lastSeenAt ? when(person.lastSeenAt) : t('card.never')}`,
    person.language && html`${t('card.language')}: ${person.language}`,
    added &&
      html`${t('card.added')}: ${adder === null ? '' : html`${nameOf(adder)} `}<code>${added.by}</code>, ${when(new Date(added.at))}`,
  ]
  return html`<b>${nameOf(person)}</b>${lines.map((line) => line && html`\n${line}`)}`
}
