import { BotUser, type EntityManager } from 'opsgram'
import { type PersonMetadata, readMetadata } from '../person-metadata.ts'

/** What a stranger gets who asks for access. */
export type Verdict =
  /** The request is open now, and is shown to those who may let them in. */
  | { readonly kind: 'asked' }
  /** It was open already. */
  | { readonly kind: 'waiting' }
  /** It was refused; they may ask again at that time, Unix seconds. */
  | { readonly kind: 'later'; readonly at: number }
  /** They insisted: blocked from now on. */
  | { readonly kind: 'blocked' }

type Request = NonNullable<PersonMetadata['request']>

const dayS = 24 * 3600
/** Refusals until whoever asks once more is blocked. */
const maxRefusals = 3
/** Presses for one request, or while it is too early for the next, until the presser is blocked. */
const maxPresses = 10

/** What one more press of "request access" means. @param now Unix seconds */
export function judge(before: Request | undefined, now: number): Verdict {
  if (before === undefined) return { kind: 'asked' }
  if (before.presses + 1 >= maxPresses) return { kind: 'blocked' }
  if (before.state === 'open') return { kind: 'waiting' }
  // each refusal doubles the time until the next request is heard
  const again = before.at + dayS * 2 ** (before.refusals - 1)
  if (now < again) return { kind: 'later', at: again }
  return before.refusals >= maxRefusals ? { kind: 'blocked' } : { kind: 'asked' }
}

/** The request after that press. */
export function after(before: Request | undefined, verdict: Verdict, now: number): Request {
  const { refusals = 0, presses = 0, state = 'open', at = now } = before ?? {}
  if (verdict.kind === 'asked') return { state: 'open', at: now, refusals, presses: 0 }
  return { state, at, refusals, presses: presses + 1 }
}

/** Everybody whose request is open. */
export async function openRequests(em: EntityManager): Promise<BotUser[]> {
  const rows = await em.execute<{ id: string }[]>(
    `select id from bot_users where status = 'pending' and metadata->'request'->>'state' = 'open'
     order by telegram_id limit 200`,
  )
  return em.find(BotUser, { id: { $in: rows.map(({ id }) => id) } })
}

export function isAsking(person: Pick<BotUser, 'status' | 'metadata'>): boolean {
  return person.status === 'pending' && readMetadata(person.metadata).request?.state === 'open'
}
