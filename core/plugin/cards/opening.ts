import { z } from 'zod'
import type { CardKind, Face, Reader } from '../../card/card.ts'
import { bold, html } from '../../telegram/html.ts'
import { isOwner } from '../access.ts'
import type { Opening } from '../opening/diff.ts'
import { wordsOf } from '../opening/words.ts'
import type { Person } from '../reload/cause.ts'
import { endingShape, shortOf, timeOf } from './words.ts'

const openingShape = z.object({
  kind: z.enum(['new', 'roles', 'permission', 'chats', 'audience', 'confirm', 'proof']),
  what: z.string(),
  before: z.string().nullable(),
  now: z.string().nullable(),
}) satisfies z.ZodType<Opening>

const shape = z.object({
  plugin: z.string(),
  /** Of the version that opens it. */
  hash: z.string(),
  /** What brought it: `save`, `start`, `reload`, …, and who, if it was a person. */
  why: z.string(),
  by: z.string().optional(),
  at: z.string(),
  openings: z.array(openingShape),
  /** Stands for exactly these. */
  seal: z.string(),
  ended: endingShape.optional(),
})

export type OpeningContent = z.output<typeof shape>

/** `refuse`: it stays closed. */
export type Decision = 'approve' | 'refuse'

/** `changed`: what is open by now is not what the decision was about. */
export type DecisionResult = 'done' | 'changed'

/** A message holds 4,096 characters. */
const mostLines = 20

/** Cards that ask owners about what a plugin opens. */
export function openingKind(
  decide: (plugin: string, decision: Decision, by: Person, seal: string) => Promise<DecisionResult>,
): CardKind<OpeningContent> {
  return {
    name: 'opening',
    shape,
    face,
    admits: isOwner,
    async press({ plugin, seal }, action, presser, { t }) {
      if (action !== 'approve' && action !== 'refuse') {
        return { outcome: 'failed', reason: 'stale', text: t('button.stale') }
      }
      const result = await decide(plugin, action, presser, seal)
      if (result === 'done')
        return {
          outcome: 'done',
          text: t(action === 'approve' ? 'card.opening.approved' : 'card.opening.refused'),
        }
      return { outcome: 'failed', reason: 'changed', text: t('card.changed') }
    },
  }
}

function face(content: OpeningContent, state: string, reader: Reader): Face {
  const { plugin, openings, hash, why, by, at, ended } = content
  const { t } = reader
  const rest = openings.length - mostLines
  const lines = openings.slice(0, mostLines).map((opening) => `• ${wordsOf(opening, t)}\n`)
  const body = html`${lines}${rest > 0 && t('card.opening.more', { count: rest })}
${t('card.opening.by', { cause: by ?? t(`card.cause.${why}`), hash: shortOf(hash), at: timeOf(at, reader) })}`
  if (state === 'open') {
    return {
      text: html`🔓 ${bold(t('card.opening.title', { plugin }))}
${body}

${t('card.opening.meanwhile')}`,
      keys: [['approve', 'refuse'].map((action) => ({ action, label: t(`card.key.${action}`) }))],
    }
  }
  const how = ended?.how === 'approve' || ended?.how === 'refuse' ? ended.how : 'withdrawn'
  return {
    text: html`${{ approve: '✅', refuse: '🔒', withdrawn: '↩️' }[how]} ${bold(t('card.opening.title', { plugin }))}
${body}

${t(`card.opening.ended.${how}`, { by: ended?.by ?? '' })}${ended && ` ${timeOf(ended.at, reader)}`}`,
    keys: [],
  }
}
