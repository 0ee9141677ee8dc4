import {
  type Answer,
  BotUser,
  bold,
  type EntityManager,
  type Html,
  html,
  languageTag,
  type Translate,
} from 'opsgram'
import { GroupChat, GroupEvent } from './entities.ts'
import { type Sight, warningsOf } from './warnings.ts'

export interface ReportParts {
  /** Of the job: what was told and that it was told are written together. */
  readonly em: EntityManager
  readonly notify: (telegramId: number, message: Answer) => void
  /** Who is told. */
  readonly readers: () => Promise<readonly number[]>
  readonly texts: (language?: string) => Translate
  /** What Telegram lets the bot see in groups. */
  readonly sight: Sight
  /** Whether joins and leaves of people are told too. */
  readonly members: boolean
}

export type ToldEvent = Pick<GroupEvent, 'kind' | 'personName' | 'byName'>

/** A message tells of so many; the card has the rest. */
const mostLines = 10
/** So many chats have a message of their own: anybody may add the bot to as many as they like. */
const mostChats = 4
const mostEvents = 500

/** Whether there is anything to be told. */
export async function hasNews(em: EntityManager): Promise<boolean> {
  const rows = await em.execute<unknown[]>('select 1 from groups_events where not reported limit 1')
  return rows.length > 0
}

/** Tells those who see groups what happened in them: all of a chat in one message. One job at a time does. */
export async function report(parts: ReportParts): Promise<void> {
  const { em, notify, readers, texts, sight } = parts
  const events = await em.find(
    GroupEvent,
    { reported: false },
    { orderBy: { id: 'asc' }, limit: mostEvents },
  )
  for (const event of events) event.reported = true
  const told = events.filter(({ kind }) => parts.members || kind.startsWith('bot-'))
  if (told.length === 0) return
  const byChat = Map.groupBy(told, ({ chatId }) => chatId)
  const chats = await em.find(GroupChat, { chatId: { $in: [...byChat.keys()] } })
  const shown = chats.slice(0, mostChats)
  const ids = await readers()
  const people = await em.find(BotUser, { telegramId: { $in: [...ids] } })
  for (const telegramId of ids) {
    const person = people.find((one) => one.telegramId === telegramId)
    const t = texts(languageTag(person?.chosenLanguage ?? person?.language ?? undefined))
    for (const chat of shown) {
      notify(telegramId, reportOf(chat, byChat.get(chat.chatId) ?? [], t, sight))
    }
    const more = chats.length - shown.length
    if (more > 0) notify(telegramId, t('report.chats', { count: more }))
  }
}

function reportOf(chat: GroupChat, events: readonly ToldEvent[], t: Translate, sight: Sight): Html {
  const more = events.length - mostLines
  const isOfBot = events.some(({ kind }) => kind === 'bot-join' || kind === 'bot-rights')
  const warnings = isOfBot && chat.leftAt === null ? warningsOf(chat, sight) : []
  return html`👥 ${bold(chat.title)}${[
    events.slice(0, mostLines).map((event) => html`\n• ${wordsOf(event, t)}`),
    more > 0 && html`\n${t('report.more', { count: more })}`,
    warnings.map((warning) => html`\n⚠️ ${t(`warning.${warning}`)}`),
  ]}`
}

/** `Anna was added by Boris.` */
export function wordsOf({ kind, personName: name, byName: by }: ToldEvent, t: Translate): string {
  return t(by === null ? `event.${kind}.self` : `event.${kind}.by`, { name, by })
}
