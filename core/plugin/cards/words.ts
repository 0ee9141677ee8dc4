import { z } from 'zod'
import type { Presser, Reader } from '../../card/card.ts'
import { isOwner } from '../access.ts'
import { type Cause, personBehind } from '../reload/cause.ts'

/** Who may do what a card about a plugin offers: owners, and whom one of them allowed to manage plugins. */
export function mayManage(presser: Presser): boolean {
  return isOwner(presser) || presser.can('plugins.manage')
}

/** The plugin that plugins are switched on with again: it is never switched off from the chat. */
export const managing = 'plugins'

/** How a card came to its end. */
export const endingShape = z.object({
  /** What happened to the plugin: `reload`, `roll-back`, `unload`, …. */
  how: z.string(),
  /** Why: `save`, `start`, `disable`, …. */
  why: z.string(),
  /** Who did it, if it was a person. */
  by: z.string().optional(),
  at: z.string(),
  /** Hash of the version that serves now. */
  hash: z.string().optional(),
})

export type Ending = z.output<typeof endingShape>

export function endingOf(how: string, cause: Cause, hash?: string): Ending {
  const person = personBehind(cause)
  return {
    how,
    why: cause.why,
    at: new Date().toISOString(),
    ...(person === undefined ? {} : { by: person.name }),
    ...(hash === undefined ? {} : { hash }),
  }
}

/** In a sentence how it ended. */
export function endingWords(plugin: string, ending: Ending, { t }: Reader): string {
  const { by, hash } = ending
  const values = { plugin, by, hash: hash === undefined ? '' : shortOf(hash) }
  return t(`card.ended.${keyOf(ending)}`, values)
}

function keyOf({ how, why, by }: Ending): string {
  const who = by === undefined ? '' : 'By'
  if (why === 'disable') return `off${who}`
  if (how === 'unload') return 'gone'
  if (how === 'roll-back') return `rolledBack${who}`
  if (how === 'last-good') return 'lastGood'
  return by === undefined ? 'mended' : 'reloadedBy'
}

/** Enough of a hash to tell versions apart. */
export function shortOf(hash: string): string {
  return hash.slice(0, 7)
}

/** A moment as a person reads it. */
export function timeOf(at: string, { language, timeZone }: Reader): string {
  return new Date(at).toLocaleString(language, {
    timeZone,
    dateStyle: 'medium',
    timeStyle: 'short',
  })
}
