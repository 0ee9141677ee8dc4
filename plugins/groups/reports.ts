import {
  BotUser,
  bold,
  type EntityManager,
  type Html,
  html,
  languageTag,
  type OutboxApi,
  type Translate,
} from 'opsgram'
import { z } from 'zod'
import { GroupChat } from './entities.ts'
import { type Sight, warningsOf } from './warnings.ts'

export interface ReportParts {
  readonly em: () => EntityManager
  readonly outbox: Pick<OutboxApi, 'notify'>
  /** Who is told. */
  readonly readers: () => Promise<readonly number[]>
  readonly texts: (language?: string) => Translate
  /** What Telegram lets the bot see in groups. */
  readonly sight: Sight
  /** Whether joins and leaves of people are told too. */
  readonly members: boolean
}

const eventShape = z.object({
  chat_id: z.coerce.number(),
  kind: z.string(),
  person_name: z.string(),
  by_name: z.string().nullable(),
})

export type ToldEvent = z.output<typeof eventShape>

/** A message tells of so many; the card has the rest. */
const mostLines = 10

/** Tells those who see groups what happened in them: once, by one instance, all of a chat in one message. */
export async function report(parts: ReportParts): Promise<void> {
  const { em, outbox, readers, texts, sight } = parts
  const events = z.array(eventShape).parse(
    await em().execute<unknown[]>(
      `update groups_events set reported = true
       where id = any(array(select id from groups_events where not reported limit 500))
       returning chat_id, kind, person_name, by_name`,
    ),
  )
  const told = events.filter(({ kind }) => parts.members || kind.startsWith('bot-'))
  if (told.length === 0) return
  const ids = await readers()
  const people = await em().find(BotUser, { telegramId: { $in: [...ids] } })
  for (const [chatId, own] of Map.groupBy(told, ({ chat_id }) => chat_id)) {
    const chat = await em().findOne(GroupChat, { chatId })
    if (chat === null) continue
    for (const telegramId of ids) {
      const person = people.find((one) => one.telegramId === telegramId)
      const t = texts(languageTag(person?.chosenLanguage ?? person?.language ?? undefined))
      await outbox.notify(telegramId, reportOf(chat, own, t, sight))
    }
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
export function wordsOf(
  { kind, person_name: name, by_name: by }: Omit<ToldEvent, 'chat_id'>,
  t: Translate,
): string {
  return t(by === null ? `event.${kind}.self` : `event.${kind}.by`, { name, by })
}
