import {
  type CardKind,
  type CardsApi,
  type CardsOf,
  code,
  type EntityManager,
  type Face,
  html,
  type Presser,
  type Reader,
} from 'opsgram'
import { z } from 'zod'
import { GroupChat } from './entities.ts'
import { momentOf } from './moment.ts'

const shape = z.object({
  chatId: z.number(),
  title: z.string(),
  by: z.string().optional(),
  leaveAt: z.string(),
  ended: z
    .object({ how: z.enum(['approve', 'leave', 'over', 'elsewhere']), by: z.string().optional() })
    .optional(),
})

type Content = z.output<typeof shape>
type Ending = NonNullable<Content['ended']>

export interface ApprovalParts {
  readonly em: () => EntityManager
  readonly cards: CardsApi
  /** Who may decide. */
  readonly judges: () => Promise<readonly number[]>
  /** Has the bot leave a chat, soon. */
  readonly leave: (chatId: number) => Promise<unknown>
  readonly now: () => Date
  /** How long somebody has to approve, ms; undefined: nothing is left. */
  readonly withinMs: number | undefined
}

/** After so long a chat that is still there is left once more, ms. */
const retryMs = 3_600_000
/** So many chats are asked about at once: anybody may add the bot to as many as they like. The rest is in /groups. */
const mostCards = 10
const mostWaiting = 100

function isOver({ leaveAt }: GroupChat, now: Date): boolean {
  return leaveAt != null && leaveAt <= now
}

/** Chats that nobody approved: asked about, and left when nobody does. */
export class Approval {
  readonly #parts: ApprovalParts
  readonly #cards: CardsOf<Content>

  constructor(parts: ApprovalParts) {
    this.#parts = parts
    const kind: CardKind<Content> = {
      name: 'unapproved',
      shape,
      isAwaited: true,
      recipients: () => parts.judges(),
      targetOf: (subject) => `chat:${subject}`,
      face,
      admits: (presser) => presser.can('groups.manage'),
      press: (content, action, presser, reader) => this.#press(content, action, presser, reader),
    }
    this.#cards = parts.cards.add(kind)
  }

  /** Asks about chats that nobody approved, and leaves those whose time is over. On each instance, every minute. */
  async pass(): Promise<void> {
    const { em, now, withinMs } = this.#parts
    const waiting = withinMs === undefined ? [] : await this.#waiting(withinMs)
    const open = new Set(this.#cards.open())
    const asked = new Set(waiting.map(({ chatId }) => String(chatId)))
    let room = mostCards - open.size
    for (const chat of waiting) {
      const isNew = !open.has(String(chat.chatId))
      if (!isNew || room > 0) await this.#ask(chat)
      else if (isOver(chat, now())) await this.#claimLeaving(chat.chatId)
      if (isNew) room--
    }
    for (const subject of open) {
      if (asked.has(subject)) continue
      const chat = await em().findOne(GroupChat, { chatId: Number(subject) })
      const isLeft = chat === null || chat.leftAt !== null
      const wasOver = chat?.leavingAt != null && chat.leavingAt <= now()
      await this.#end(subject, { how: isLeft && wasOver ? 'over' : 'elsewhere' })
    }
  }

  /** All of them have their time, whether or not they are asked about; the next to be left come first. */
  async #waiting(withinMs: number): Promise<GroupChat[]> {
    const { em, now } = this.#parts
    await em().execute(
      `update groups_chats set leave_at = ?, version = version + 1
       where approved_at is null and left_at is null and leave_at is null`,
      [new Date(now().getTime() + withinMs)],
    )
    const isOpen = { approvedAt: null, leftAt: null }
    const next = { orderBy: { leaveAt: 'asc' }, limit: mostWaiting } as const
    const waiting = await em().find(GroupChat, isOpen, next)
    // also those that are asked about and stand behind all these
    const rest = this.#cards.open().map(Number)
    const known = new Set(waiting.map(({ chatId }) => chatId))
    const behind = rest.filter((chatId) => !known.has(chatId))
    if (behind.length === 0) return waiting
    return [...waiting, ...(await em().find(GroupChat, { ...isOpen, chatId: { $in: behind } }))]
  }

  async #ask(chat: GroupChat): Promise<void> {
    const { chatId, title, addedByName, leaveAt } = chat
    const { now } = this.#parts
    const by = addedByName === null ? {} : { by: addedByName }
    const content = { chatId, title, ...by, leaveAt: (leaveAt ?? now()).toISOString() }
    if (!isOver(chat, now())) return this.#cards.show(String(chatId), content)
    if (await this.#claimLeaving(chatId)) await this.#end(String(chatId), { how: 'over' })
  }

  /** By one instance alone; again when it didn't come of it: the job may have failed for good. */
  async #claimLeaving(chatId: number): Promise<boolean> {
    const { em, now, leave } = this.#parts
    const rows = await em().execute<unknown[]>(
      `update groups_chats set leaving_at = ?, version = version + 1
       where chat_id = ? and approved_at is null and left_at is null and (leaving_at is null or leaving_at < ?)
       returning 1`,
      [now(), chatId, new Date(now().getTime() - retryMs)],
    )
    if (rows.length === 0) return false
    await leave(chatId)
    return true
  }

  async #press({ chatId, title }: Content, action: string, presser: Presser, { t }: Reader) {
    const { em, now } = this.#parts
    const over = { outcome: 'failed', reason: 'decided', text: t('approval.over') } as const
    const subject = String(chatId)
    if (action === 'leave') {
      if (!(await this.#claimLeaving(chatId))) return over
      await this.#end(subject, { how: 'leave', by: presser.name })
      return { outcome: 'done', text: t('approval.leaving', { title }) } as const
    }
    const rows = await em().execute<unknown[]>(
      `update groups_chats set approved_by = ?, approved_by_name = ?, approved_at = ?, leave_at = null,
         version = version + 1
       where chat_id = ? and approved_at is null and leaving_at is null and left_at is null returning 1`,
      [presser.telegramId, presser.name, now(), chatId],
    )
    if (rows.length === 0) return over
    await this.#end(subject, { how: 'approve', by: presser.name })
    return { outcome: 'done', text: t('approval.approved', { title }) } as const
  }

  #end(subject: string, ended: Ending): Promise<void> {
    return this.#cards.update(subject, (before) => ({
      content: { ...before, ended },
      state: ended.by === undefined ? 'withdrawn' : 'decided',
    }))
  }
}

function face({ chatId, title, by, leaveAt, ended }: Content, state: string, reader: Reader): Face {
  const { t } = reader
  const head = html`👥 <b>${title}</b> · ${code(chatId)}`
  const who = t(by === undefined ? 'approval.added' : 'approval.addedBy', { by })
  if (state !== 'open' || ended !== undefined) {
    const { how = 'elsewhere', by: decider } = ended ?? {}
    return {
      text: html`${head}\n${who}\n\n${t(`approval.ended.${how}`, { by: decider })}`,
      keys: [],
    }
  }
  const when = momentOf(new Date(leaveAt), reader)
  return {
    text: html`${head}\n${who}\n${t('approval.ask', { when })}`,
    keys: [
      [
        { action: 'approve', label: t('approval.key.approve') },
        { action: 'leave', label: t('approval.key.leave') },
      ],
    ],
  }
}
