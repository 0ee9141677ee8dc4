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
import { changePerson, outOfReach, roleName } from '../people/change.ts'
import { nameOf } from '../people/name.ts'
import { readerOf } from '../people/reader.ts'
import { readMetadata } from '../person-metadata.ts'
import { momentOf } from '../rights/list.ts'
import { givenRoles } from '../roles.ts'
import { isAsking, openRequests } from './record.ts'

const shape = z.object({
  telegramId: z.number(),
  name: z.string(),
  at: z.string(),
  /** Refusals before this request. */
  refusals: z.number(),
  ended: z
    .object({
      how: z.enum(['approve', 'refuse', 'block', 'elsewhere']),
      role: z.string().optional(),
      by: z.string().optional(),
    })
    .optional(),
})

type Content = z.output<typeof shape>
type Ending = NonNullable<Content['ended']>

export interface RequestsParts {
  readonly em: () => EntityManager
  readonly owners: Owners
  readonly cards: CardsApi
  readonly outbox: Pick<OutboxApi, 'notify'>
  /** Who may let people in. */
  readonly judges: () => Promise<readonly number[]>
  readonly texts: (language?: string) => Translate
  readonly settings: Pick<CoreSettings, 'defaultLanguage' | 'defaultTimeZone'>
  readonly now: () => Date
}

/** How the first press decides. */
type Choice =
  | { readonly how: 'approve'; readonly role: string }
  | { readonly how: 'refuse' | 'block' }

/** Requests for access: shown to all who may decide about them; the first press does. */
export class Requests {
  readonly #parts: RequestsParts
  readonly #cards: CardsOf<Content>

  constructor(parts: RequestsParts) {
    this.#parts = parts
    const kind: CardKind<Content> = {
      name: 'request',
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

  /** Shows every open request, and ends the cards of those that were settled in another way. */
  async show(): Promise<void> {
    const { em } = this.#parts
    const asking = await openRequests(em())
    for (const person of asking)
      await this.#cards.show(String(person.telegramId), contentOf(person))
    const known = new Set(asking.map(({ telegramId }) => String(telegramId)))
    for (const subject of this.#cards.open()) {
      if (known.has(subject)) continue
      const person = await em().findOne(BotUser, { telegramId: Number(subject) })
      if (person === null || !isAsking(person)) await this.#end(subject, { how: 'elsewhere' })
    }
  }

  async #press(content: Content, action: string, presser: Presser, reader: Reader) {
    const { t } = reader
    const choice = choiceOf(action)
    if (choice === undefined) {
      return { outcome: 'failed', reason: 'stale', text: t('requests.over') } as const
    }
    const subject = String(content.telegramId)
    const result = await this.#decide(content.telegramId, choice, presser, reader)
    if (result.kind === 'refused') {
      return { outcome: 'failed', reason: 'refused', text: result.text } as const
    }
    if (result.kind === 'over') {
      await this.#end(subject, { how: 'elsewhere' })
      return { outcome: 'failed', reason: 'decided', text: t('requests.over') } as const
    }
    await this.#end(subject, {
      how: choice.how,
      by: presser.name,
      ...('role' in choice ? { role: choice.role } : {}),
    })
    if (choice.how !== 'block') await this.#tell(result.person, choice)
    return { outcome: 'done', text: result.text } as const
  }

  async #decide(telegramId: number, choice: Choice, presser: Presser, reader: Reader) {
    const { owners, now } = this.#parts
    const { t } = reader
    return this.#parts.em().transactional(async (em) => {
      // whoever presses second waits here, on every instance, and finds it decided
      await em.execute('select 1 from bot_users where telegram_id = ? for update', [telegramId])
      const person = await em.findOne(BotUser, { telegramId })
      if (person === null || !isAsking(person)) return { kind: 'over' } as const
      const asker = { ...reader, em, actor: presser, facts: { chatId: presser.telegramId }, now }
      if (choice.how === 'refuse') {
        const refusal = await outOfReach(asker, owners, person)
        if (refusal !== undefined)
          return { kind: 'refused', text: t(`refused.${refusal}`) } as const
        refuse(em, person, presser, now())
        return {
          kind: 'done',
          person,
          text: t('requests.refused', { name: nameOf(person) }),
        } as const
      }
      const wish =
        choice.how === 'approve'
          ? ({ kind: 'add', role: choice.role, name: undefined } as const)
          : ({ kind: 'block', reason: undefined } as const)
      const { done, text } = await changePerson(asker, owners, String(telegramId), wish)
      return done ? ({ kind: 'done', person, text } as const) : ({ kind: 'refused', text } as const)
    })
  }

  #end(subject: string, ended: Ending): Promise<void> {
    return this.#cards.update(subject, (before) => ({
      content: { ...before, ended },
      state: ended.by === undefined ? 'withdrawn' : 'decided',
    }))
  }

  #tell(person: BotUser, choice: Choice): Promise<void> {
    const { texts, settings, outbox } = this.#parts
    const t = texts(readerOf(person, settings).language)
    const role = 'role' in choice ? roleName(choice.role, t) : ''
    return outbox.notify(person.telegramId, t(`requests.told.${choice.how}`, { role }), {
      urgent: true,
    })
  }
}

function refuse(em: EntityManager, person: BotUser, by: Presser, now: Date): void {
  const metadata = readMetadata(person.metadata)
  const refusals = (metadata.request?.refusals ?? 0) + 1
  const at = Math.floor(now.getTime() / 1000)
  person.metadata = { ...metadata, request: { state: 'refused', at, refusals, presses: 0 } }
  em.create(AuditEntry, {
    actorId: by.telegramId,
    actorName: by.name,
    plugin: 'auth',
    action: 'requests.refuse',
    target: `user:${person.telegramId}`,
    chatId: by.telegramId,
    outcome: 'done',
  })
}

function choiceOf(action: string): Choice | undefined {
  const role = givenRoles.find((one) => action === `as-${one}`)
  if (role !== undefined) return { how: 'approve', role }
  return action === 'refuse' || action === 'block' ? { how: action } : undefined
}

function contentOf(person: BotUser): Content {
  const { request } = readMetadata(person.metadata)
  return {
    telegramId: person.telegramId,
    name: nameOf(person),
    at: new Date((request?.at ?? 0) * 1000).toISOString(),
    refusals: request?.refusals ?? 0,
  }
}

function face(
  { telegramId, name, at, refusals, ended }: Content,
  state: string,
  reader: Reader,
): Face {
  const { t } = reader
  const who = html`<b>${name}</b> · ${code(telegramId)}`
  const when = t('requests.asked', { when: momentOf(new Date(at), reader) })
  const before = refusals > 0 && html`\n${t('requests.before', { count: refusals })}`
  if (state !== 'open' || ended !== undefined) {
    const { how = 'elsewhere', role, by } = ended ?? {}
    const end = t(`requests.ended.${how}`, { by, role: roleName(role, t) })
    return { text: html`🚪 ${who}\n${when}\n\n${end}`, keys: [] }
  }
  const approve = [...givenRoles].reverse().map((role) => ({
    action: `as-${role}`,
    label: t('requests.key.as', { role: t(`role.${role}`) }),
  }))
  return {
    text: html`🚪 ${t('requests.title')}\n${who}\n${when}${before}`,
    keys: [
      approve,
      [
        { action: 'refuse', label: t('requests.key.refuse') },
        { action: 'block', label: t('requests.key.block') },
      ],
    ],
  }
}
