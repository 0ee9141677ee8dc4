import {
  AuditEntry,
  type Authentication,
  type EntityManager,
  type Logger,
  type Translate,
  type UpdateFacts,
  ulid,
} from 'opsgram'
import { wasLetIn } from '../people/change.ts'
import { readMetadata, type StrangerRecord } from '../person-metadata.ts'
import { offer } from '../requests/offer.ts'
import type { PersonRow } from './person-row.ts'
import { WriteLimit } from './write-limit.ts'

export interface StrangersParts {
  em: () => EntityManager
  /** Refused updates within the window until a stranger is blocked. */
  blockAfter: number
  texts: (language?: string) => Translate
  /** ACCESS: whether they may ask to be let in. */
  access: 'preset' | 'request'
  log: Logger
}

const windowS = 600
const answerEveryS = 24 * 3600
const reportEveryMs = 60_000

/** One whom nobody let in: what is open to everyone is open. */
export function stranger(facts: UpdateFacts, telegramId: number) {
  return {
    admitted: false,
    actor: strangerOf(facts, telegramId),
    reason: 'stranger',
    audience: 'everyone',
  } as const
}

export function strangerOf({ from }: UpdateFacts, telegramId: number) {
  const language = from?.language_code
  return {
    kind: 'stranger',
    telegramId,
    ...(language === undefined ? {} : { language }),
  } as const
}

type Known = Pick<PersonRow, 'role' | 'metadata' | 'now'>

/** What is to be done about one more refused update. */
interface Verdict {
  record: StrangerRecord
  answers: boolean
  blocks: boolean
}

/**
 * People nobody let in. They are recorded, told their id once a day, and blocked when they insist.
 * All that is known about them is in their row, so a restart or a reload forgets nothing and a flood
 * of new ids costs no memory; together they may cause only so many writes, and above that they are
 * refused unrecorded and in silence.
 */
export class Strangers {
  readonly #parts: StrangersParts
  readonly #writes = new WriteLimit({ capacity: 200, perSecond: 2 })
  #reportedAt = Number.NEGATIVE_INFINITY

  constructor(parts: StrangersParts) {
    this.#parts = parts
  }

  /** @param row the person's row, of status `pending`, if there is one */
  async refuse(
    facts: UpdateFacts,
    telegramId: number,
    row: PersonRow | undefined,
  ): Promise<Authentication> {
    const refused = stranger(facts, telegramId)
    if (!isMeantForBot(facts)) return refused
    if (!this.#writes.take()) {
      this.#reportFlood()
      return refused
    }
    const known = row ?? (await this.#record(facts, telegramId))
    const before = readMetadata(known.metadata).stranger
    // who had a role once is not shut out for trying: the row says so
    const blockAfter = wasLetIn(known) ? Number.POSITIVE_INFINITY : this.#parts.blockAfter
    const verdict = judge(before, known.now, blockAfter, facts)
    // one whose row changed meanwhile, by another chat's update or by an admin, gets silence
    if (!(await this.#write(telegramId, known.metadata, verdict))) return refused
    if (verdict.blocks) this.#parts.log.warn('auth.blocked', { userId: telegramId })
    if (!verdict.answers) return refused
    const t = this.#parts.texts(facts.from?.language_code)
    const answer = t('stranger', { id: String(telegramId) })
    if (this.#parts.access === 'preset') return { ...refused, answer }
    return { ...refused, answer: offer(answer, telegramId, t) }
  }

  async #record({ from }: UpdateFacts, telegramId: number): Promise<Known> {
    const rows = await this.#parts.em().execute<Known[]>(
      `insert into bot_users (id, telegram_id, username, first_name, last_name, language, last_seen_at)
       values (?, ?, ?, ?, ?, ?, now())
       on conflict (telegram_id) do update set last_seen_at = bot_users.last_seen_at
       returning role, metadata, floor(extract(epoch from now()))::bigint as now`,
      [
        ulid(),
        telegramId,
        from?.username ?? null,
        from?.first_name ?? null,
        from?.last_name ?? null,
        from?.language_code ?? null,
      ],
    )
    const [row] = rows
    if (row === undefined) throw new Error(`stranger ${telegramId} could not be recorded`)
    return { ...row, now: Number(row.now) }
  }

  /** @returns false when the row isn't any more what it was when it was read */
  async #write(telegramId: number, before: unknown, verdict: Verdict): Promise<boolean> {
    const write = async (em: EntityManager): Promise<boolean> => {
      const rows = await em.execute<unknown[]>(
        `update bot_users set metadata = metadata || ?::jsonb,
           last_seen_at = case when last_seen_at > now() - interval '1 minute' then last_seen_at else now() end
           ${verdict.blocks ? `, status = 'blocked', blocked_at = now(), blocked_reason = ?, auth_epoch = auth_epoch + 1, version = version + 1` : ''}
         where telegram_id = ? and status = 'pending' and metadata = ?::jsonb returning 1`,
        [
          JSON.stringify({ stranger: verdict.record }),
          ...(verdict.blocks ? [blockReason(this.#parts.blockAfter)] : []),
          telegramId,
          JSON.stringify(before),
        ],
      )
      if (rows.length === 0) return false
      if (verdict.blocks) {
        em.create(AuditEntry, {
          plugin: 'auth',
          action: 'users.block',
          target: `user:${telegramId}`,
          outcome: 'done',
          reason: 'AUTH_BLOCK_AFTER',
          before: { status: 'pending' },
          after: { status: 'blocked' },
        })
      }
      return true
    }
    const em = this.#parts.em()
    return verdict.blocks ? em.transactional(write) : write(em)
  }

  #reportFlood(): void {
    const now = performance.now()
    if (now - this.#reportedAt < reportEveryMs) return
    this.#reportedAt = now
    this.#parts.log.warn('auth.strangers-flood', {
      hint: 'So many strangers write that their updates are refused unrecorded for now.',
    })
  }
}

/**
 * What people say to each other in a group is refused without a record: a bot that listens there
 * would block all of them. Commands with a bot's name may be meant for another bot.
 */
function isMeantForBot({ kind, chatType, text }: UpdateFacts): boolean {
  if (kind === 'callback_query' || kind === 'inline_query' || kind === 'my_chat_member') return true
  if (kind !== 'message' && kind !== 'edited_message') return false
  return chatType === 'private' || /^\/\w+(?!\S)/.test(text ?? '')
}

function judge(
  before: StrangerRecord | undefined,
  now: number,
  blockAfter: number,
  { kind, chatType }: UpdateFacts,
): Verdict {
  const recent = (before?.refusals ?? []).filter((at) => at > now - windowS)
  const refusals = [...recent, now]
  const answeredAt = before?.answeredAt
  const blocks = refusals.length >= blockAfter
  const answers =
    kind === 'message' &&
    chatType === 'private' &&
    (answeredAt === undefined || answeredAt <= now - answerEveryS)
  const told = answers ? now : answeredAt
  return {
    answers,
    blocks,
    // who is let out of a block begins anew
    record: {
      refusals: blocks ? [] : refusals,
      ...(told === undefined ? {} : { answeredAt: told }),
    },
  }
}

function blockReason(blockAfter: number): string {
  return `${blockAfter} updates refused within ${windowS / 60} minutes`
}
