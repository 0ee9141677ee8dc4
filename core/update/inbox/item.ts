import type { Update } from 'telegraf/types'
import { acceptedJson } from '../../database/bulk-values.ts'
import { factsOf, type UpdateFacts } from '../../telegram/facts.ts'
import { partitionOf } from '../partition/partition.ts'
import type { NewRow, OpenRow } from './rows.ts'

/** An accepted update: durable, in its lane's order. */
export interface InboxItem {
  readonly update: Update
  readonly facts: UpdateFacts
  readonly part: number
  /** How many processes ended before it did, perhaps because of it; 0 for what is new. */
  readonly endings: number
  /** When it became durable, as `performance.now()` of this process; negative if that was before its start. */
  readonly acceptedAt: number
  /**
   * Which state of the person's rights held when it was accepted: row and `auth_epoch`. Absent for strangers, and
   * for what was found in the table.
   */
  readonly authEpoch: string | undefined
  /**
   * That its person had no dialog open in this private chat when it was accepted, and nothing of its lane was on its
   * way that could open one; false: it isn't known.
   */
  readonly noDialog: boolean
  /** It was found in the table: another process had it, or has it still. */
  readonly isFound: boolean
}

/** One that is to be written. */
export interface Draft {
  readonly update: Update
  readonly facts: UpdateFacts
  readonly part: number
  readonly row: NewRow
}

/** An update as it can be written and kept: what a database refuses in a text is of no use to a plugin either. */
export function draftOf(given: Update): Draft {
  const text = JSON.stringify(given)
  const payload = acceptedJson(text)
  const update = payload === text ? given : (JSON.parse(payload) as Update)
  const facts = factsOf(update)
  const { updateId, lane, userId, chatId } = facts
  const part = partitionOf(lane)
  return {
    update,
    facts,
    part,
    row: { updateId, part, lane, payload, person: userId, chat: chatId },
  }
}

/** What was found out while it was written. */
type Known = Pick<InboxItem, 'authEpoch' | 'noDialog'>

/** One that was just written. */
export function newItem({ update, facts, part }: Draft, { authEpoch, noDialog }: Known): InboxItem {
  const acceptedAt = performance.now()
  return { update, facts, part, endings: 0, acceptedAt, authEpoch, noDialog, isFound: false }
}

/** One that was found in the table. @param endings how many processes ended just now */
export function foundItem({ payload, tries, ageMs }: OpenRow, endings: number): InboxItem {
  // our own INSERT wrote it from a parsed update
  const update = JSON.parse(payload) as Update
  const facts = factsOf(update)
  return {
    update,
    facts,
    part: partitionOf(facts.lane),
    endings: tries + endings,
    acceptedAt: performance.now() - ageMs,
    authEpoch: undefined,
    noDialog: false,
    isFound: true,
  }
}
