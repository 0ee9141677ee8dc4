import {
  AuditEntry,
  BotUser,
  type CardKind,
  type CardsApi,
  type CardsOf,
  type CoreSettings,
  code,
  type EntityManager,
  type Face,
  html,
  type OutboxApi,
  type Presser,
  type Reader,
  type Translate,
} from 'opsgram'
import { z } from 'zod'
import type { Owners } from '../gate/owners.ts'
import { changePerson, outOfReach } from '../people/change.ts'
import { nameOf } from '../people/name.ts'
import { readerOf } from '../people/reader.ts'
import { momentOf } from '../rights/list.ts'

const shape = z.object({
  telegramId: z.number(),
  name: z.string(),
  until: z.string(),
  ended: z
    .object({
      how: z.enum(['renew', 'leave', 'over', 'elsewhere']),
      by: z.string().optional(),
      until: z.string().optional(),
    })
    .optional(),
})

type Content = z.output<typeof shape>
type Ending = NonNullable<Content['ended']>

export interface ExpiryParts {
  readonly em: () => EntityManager
  readonly owners: Owners
  readonly cards: CardsApi
  readonly outbox: Pick<OutboxApi, 'notify'>
  /** Who may renew. */
  readonly judges: () => Promise<readonly number[]>
  readonly texts: (language?: string) => Translate
  readonly settings: Pick<CoreSettings, 'defaultLanguage' | 'defaultTimeZone'>
  readonly now: () => Date
}

const dayMs = 24 * 3_600_000
/** How long before the end it is told. */
const noticeMs = dayMs
/** What one press adds, counted from the press. */
const renewalMs = 30 * dayMs
const atOnce = 100

/** Access that was given for a time: told of a day before it ends, renewed by one press, ended on record. */
export class Expiry {
  readonly #parts: ExpiryParts
  readonly #cards: CardsOf<Content>

  constructor(parts: ExpiryParts) {
    this.#parts = parts
    const kind: CardKind<Content> = {
      name: 'expiring',
      shape,
      isAwaited: true,
      recipients: () => parts.judges(),
      targetOf: (subject) => `user:${subject}`,
      face,
      admits: (presser) => presser.can('auth.users'),
      press: (content, action, presser, reader) => this.#press(content, action, presser, reader),
    }
    this.#cards = parts.cards.add(kind)
  }

  /** What the clock brings: to be called every minute, on each instance. */
  async pass(): Promise<void> {
    const { em, now } = this.#parts
    const soon = new Date(now().getTime() + noticeMs)
    const due = await em().find(
      BotUser,
      { accessUntil: { $lte: soon }, status: 'active' },
      { orderBy: { accessUntil: 'asc' }, limit: atOnce },
    )
    const known = new Set(due.map(({ telegramId }) => String(telegramId)))
    for (const person of due) {
      const { accessUntil } = person
      if (accessUntil == null || this.#parts.owners.has(person.telegramId)) continue
      if (accessUntil <= now()) await this.#over(person)
      else await this.#remind(person, accessUntil)
    }
    if (due.length === atOnce) return
    for (const subject of this.#cards.open()) {
      if (!known.has(subject)) await this.#end(subject, { how: 'elsewhere' })
    }
  }

  /** On one instance: that which marked the person. */
  async #remind(person: BotUser, until: Date): Promise<void> {
    const { em, outbox, texts, settings } = this.#parts
    const at = until.toISOString()
    const { telegramId } = person
    await this.#cards.show(String(telegramId), { telegramId, name: nameOf(person), until: at })
    const marked = await em().execute<unknown[]>(
      `update bot_users set metadata = metadata || jsonb_build_object('remindedOf', ?::text), version = version + 1
       where telegram_id = ? and metadata->>'remindedOf' is distinct from ? returning 1`,
      [at, telegramId, at],
    )
    if (marked.length === 0) return
    const reader = readerOf(person, settings)
    const t = texts(reader.language)
    const when = momentOf(until, reader)
    await outbox.notify(telegramId, t('expiry.told.soon', { when }))
  }

  async #over(person: BotUser): Promise<void> {
    const { telegramId, role } = person
    const { em, outbox, texts, settings, now } = this.#parts
    const ended = await em().transactional(async (inner) => {
      const rows = await inner.execute<unknown[]>(
        `update bot_users set status = 'pending', version = version + 1
         where telegram_id = ? and status = 'active' and access_until <= ? returning 1`,
        [telegramId, now().toISOString()],
      )
      if (rows.length === 0) return false
      inner.create(AuditEntry, {
        plugin: 'auth',
        action: 'users.expire',
        target: `user:${telegramId}`,
        outcome: 'done',
        before: { role, status: 'active' },
        after: { role, status: 'pending' },
      })
      return true
    })
    if (!ended) return
    await this.#end(String(telegramId), { how: 'over' })
    const t = texts(readerOf(person, settings).language)
    await outbox.notify(telegramId, t('expiry.told.over'))
  }

  async #press(content: Content, action: string, presser: Presser, reader: Reader) {
    const { t } = reader
    const { telegramId } = content
    const { em, owners, now } = this.#parts
    if (action === 'leave') {
      const person = await em().findOne(BotUser, { telegramId })
      const refusal = person && (await outOfReach({ em: em(), actor: presser }, owners, person))
      if (refusal) {
        return { outcome: 'failed', reason: 'refused', text: t(`refused.${refusal}`) } as const
      }
      await this.#end(String(telegramId), { how: 'leave', by: presser.name })
      return { outcome: 'done', text: t('expiry.left') } as const
    }
    const { done, text } = await em().transactional((inner) =>
      changePerson(
        { ...reader, em: inner, actor: presser, facts: { chatId: presser.telegramId }, now },
        owners,
        String(telegramId),
        { kind: 'until', forMs: renewalMs },
      ),
    )
    if (!done) return { outcome: 'failed', reason: 'refused', text } as const
    const until = new Date(now().getTime() + renewalMs).toISOString()
    await this.#end(String(telegramId), { how: 'renew', by: presser.name, until })
    return { outcome: 'done', text } as const
  }

  #end(subject: string, ended: Ending): Promise<void> {
    return this.#cards.update(subject, (before) => ({
      content: { ...before, ended },
      state: ended.by === undefined ? 'withdrawn' : 'decided',
    }))
  }
}

function face({ telegramId, name, until, ended }: Content, state: string, reader: Reader): Face {
  const { t } = reader
  const who = html`⏳ <b>${name}</b> · ${code(telegramId)}`
  const what = t('expiry.ends', { when: momentOf(new Date(until), reader) })
  if (state !== 'open' || ended !== undefined) {
    const { how = 'elsewhere', by } = ended ?? {}
    const when = ended?.until === undefined ? '' : momentOf(new Date(ended.until), reader)
    return { text: html`${who}\n${what}\n\n${t(`expiry.ended.${how}`, { by, when })}`, keys: [] }
  }
  return {
    text: html`${who}\n${what}`,
    keys: [
      [
        { action: 'renew', label: t('expiry.key.renew') },
        { action: 'leave', label: t('expiry.key.leave') },
      ],
    ],
  }
}
