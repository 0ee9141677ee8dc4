import type { Actor, EntityManager, Logger, OpsContext } from 'opsgram'
import { z } from 'zod'
import type { Activity } from './activity.ts'
import {
  changeShape,
  eventOf,
  fullName,
  isIn,
  type Member,
  type MemberEvent,
  readable,
  type Standing,
} from './membership.ts'

export type Observed = OpsContext & {
  readonly actor: Actor
  can(permission: 'groups.manage'): boolean
}

export interface WatchParts {
  readonly em: () => EntityManager
  readonly activity: Activity
  readonly log: Logger
  /** The bot came, went, or may do something else in a chat. */
  readonly changed: (chatId: number) => void
}

const chatShape = z.object({ title: z.string().catch('?'), type: z.string() })
const personShape = changeShape.shape.from
const serviceShape = z.object({
  chat: chatShape,
  from: personShape.optional(),
  new_chat_members: z.array(personShape).optional(),
  left_chat_member: personShape.optional(),
  new_chat_title: z.string().optional(),
  migrate_to_chat_id: z.number().optional(),
  migrate_from_chat_id: z.number().optional(),
})

interface Happened {
  readonly kind: MemberEvent | 'bot-join' | 'bot-leave' | 'bot-rights'
  readonly person: Member
  readonly by: Member | undefined
}

/** Chats met in this process; what is not in it is looked for in the table. */
const mostKnown = 10_000

/**
 * Sees every update of every chat and writes down what it tells of chats and their members. An update may be seen
 * again when it is repeated: each row names it, and is written once.
 */
export class Watch {
  readonly #parts: WatchParts
  /** With whether the bot is an administrator there: then Telegram tells of members by `chat_member`. */
  readonly #known = new Map<number, { title: string; isAdmin: boolean }>()

  constructor(parts: WatchParts) {
    this.#parts = parts
  }

  async saw(ctx: Observed): Promise<void> {
    const { facts } = ctx
    const { chatId, chatType, kind } = facts
    if (chatId === undefined || chatType === 'private' || chatType === undefined) return
    if (kind === 'my_chat_member') return this.#ofBot(ctx, chatId)
    if (kind === 'chat_member') return this.#ofMember(ctx, chatId)
    const body = serviceShape.safeParse(Reflect.get(ctx.update, kind)).data
    if (body === undefined) return
    const { migrate_to_chat_id: to, migrate_from_chat_id: from } = body
    if (to !== undefined) return this.#move(chatId, to)
    if (from !== undefined) return this.#move(from, chatId)
    if (kind !== 'message' && kind !== 'channel_post') return
    const isAdmin = await this.#meet(chatId, body.new_chat_title ?? body.chat.title, chatType)
    const { botInfo } = ctx
    const about = (person: Member) => person.id !== botInfo.id
    const joined = (body.new_chat_members ?? []).filter(about)
    const gone = body.left_chat_member
    if (joined.length === 0 && gone === undefined) {
      this.#parts.activity.said(chatId, ctx.now(), facts.text?.startsWith('/') === true)
      return
    }
    // an administrator is told of the same by `chat_member`, and of more
    if (isAdmin) return
    const by = (person: Member) => (body.from?.id === person.id ? undefined : body.from)
    const events = joined.map((person) => ({ kind: 'join', person, by: by(person) }) as const)
    const left =
      gone !== undefined && about(gone)
        ? [{ kind: by(gone) === undefined ? 'leave' : 'kick', person: gone, by: by(gone) } as const]
        : []
    await this.#record(ctx, chatId, [...events, ...left])
  }

  async #ofBot(ctx: Observed, chatId: number): Promise<void> {
    const parsed = changeShape.safeParse(Reflect.get(ctx.update, 'my_chat_member'))
    if (!parsed.success) return
    const { from, old_chat_member: before, new_chat_member: after } = parsed.data
    const title = titleIn(ctx.update)
    const came = !isIn(before) && isIn(after)
    const went = isIn(before) && !isIn(after)
    const mayDecide = ctx.actor.kind === 'user' && ctx.can('groups.manage')
    const now = ctx.now()
    const values: unknown[] = [
      chatId,
      title,
      ctx.facts.chatType,
      after.status,
      canSend(after),
      ...(came ? [from.id, fullName(from), now] : [null, null, null]),
      ...(came && mayDecide ? [from.id, fullName(from), now] : [null, null, null]),
      went ? now : null,
    ]
    // who comes back is to be approved anew
    await this.#parts.em().execute(
      `insert into groups_chats as c (chat_id, title, type, status, can_send, added_by, added_by_name, added_at,
         approved_by, approved_by_name, approved_at, left_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (chat_id) do update set title = excluded.title, type = excluded.type, status = excluded.status,
         can_send = excluded.can_send, left_at = excluded.left_at, version = c.version + 1, seen_at = now(),
         looked_at = null${came ? cameText : ''}`,
      values,
    )
    this.#keep(chatId, title, after.status === 'administrator')
    const kind = came ? 'bot-join' : went ? 'bot-leave' : 'bot-rights'
    await this.#record(ctx, chatId, [{ kind, person: after.user, by: from }])
    this.#parts.changed(chatId)
  }

  async #ofMember(ctx: Observed, chatId: number): Promise<void> {
    const parsed = changeShape.safeParse(Reflect.get(ctx.update, 'chat_member'))
    if (!parsed.success) return
    const { from, old_chat_member: before, new_chat_member: after } = parsed.data
    const kind = eventOf(before, after)
    if (kind === undefined) return
    await this.#meet(chatId, titleIn(ctx.update), ctx.facts.chatType ?? '')
    const by = from.id === after.user.id ? undefined : from
    await this.#record(ctx, chatId, [{ kind, person: after.user, by }])
  }

  async #record({ facts }: Observed, chatId: number, events: readonly Happened[]): Promise<void> {
    for (const [nth, { kind, person, by }] of events.entries()) {
      await this.#parts.em().execute(
        // Telegram may tell of one and the same twice, as a change and as a message
        `insert into groups_events (update_id, nth, chat_id, kind, person, person_name, by_id, by_name)
         select ?, ?, ?, ?, ?, ?, ?, ? where not exists (
           select from groups_events where chat_id = ? and at > now() - interval '1 minute' and person = ? and kind = ?)
         on conflict (update_id, nth) do nothing`,
        [
          facts.updateId,
          nth,
          chatId,
          kind,
          person.id,
          fullName(person),
          by?.id ?? null,
          by === undefined ? null : fullName(by),
          chatId,
          person.id,
          kind,
        ],
      )
    }
  }

  /** A row for a chat that there is none of yet. @returns whether the bot is an administrator there */
  async #meet(chatId: number, given: string, type: string): Promise<boolean> {
    const title = readable(given)
    const known = this.#known.get(chatId)
    if (known?.title === title) return known.isAdmin
    const rows = await this.#parts.em().execute<{ status: string }[]>(
      `insert into groups_chats as c (chat_id, title, type, status) values (?, ?, ?, 'unknown')
       on conflict (chat_id) do update set title = excluded.title, type = excluded.type, left_at = null,
         version = c.version + 1
       returning status`,
      [chatId, title, type],
    )
    const isAdmin = rows[0]?.status === 'administrator'
    this.#keep(chatId, title, isAdmin)
    return isAdmin
  }

  /** The group has another id from now on, and is the same. Telegram tells twice: the second time nothing is left to do. */
  async #move(from: number, to: number): Promise<void> {
    const { em, activity } = this.#parts
    activity.moved(from, to)
    await em().transactional(async (inner) => {
      // what was met under the new id meanwhile knows less
      await inner.execute(
        `delete from groups_chats where chat_id = ? and exists (select from groups_chats where chat_id = ?)`,
        [to, from],
      )
      await inner.execute(
        `update groups_chats set chat_id = ?, type = 'supergroup', left_at = null, version = version + 1 where chat_id = ?`,
        [to, from],
      )
      await inner.execute(
        `insert into groups_activity as a (chat_id, day, messages, commands)
         select ?, day, messages, commands from groups_activity where chat_id = ?
         on conflict (chat_id, day) do update
           set messages = a.messages + excluded.messages, commands = a.commands + excluded.commands`,
        [to, from],
      )
      await inner.execute('delete from groups_activity where chat_id = ?', [from])
      await inner.execute('update groups_events set chat_id = ? where chat_id = ?', [to, from])
    })
    this.#known.delete(from)
    this.#known.delete(to)
  }

  #keep(chatId: number, title: string, isAdmin: boolean): void {
    if (this.#known.size >= mostKnown) this.#known.clear()
    this.#known.set(chatId, { title, isAdmin })
  }
}

const cameText = `, added_by = excluded.added_by, added_by_name = excluded.added_by_name,
         added_at = excluded.added_at, approved_by = excluded.approved_by,
         approved_by_name = excluded.approved_by_name, approved_at = excluded.approved_at,
         leave_at = null, leaving_at = null`

function canSend({ status, can_send_messages }: Standing): boolean {
  return status !== 'restricted' || can_send_messages !== false
}

function titleIn(update: object): string {
  for (const value of Object.values(update)) {
    const chat = z.object({ chat: chatShape }).safeParse(value)
    if (chat.success) return readable(chat.data.chat.title)
  }
  return '?'
}
