import { OptimisticLockError } from '@mikro-orm/core'
import type { Queries } from '../database/connection.ts'
import { isCommitUnknown } from '../database/failure.ts'
import { hasChanges, inTransaction, queriesIn, seal } from '../database/orm.ts'
import { OpsError } from '../errors.ts'
import type { JobQueue } from '../job/queue.ts'
import type { Outbox } from '../outbox/outbox.ts'
import type { NewMessage, OutboxRow } from '../outbox/rows.ts'
import { messagesOf } from '../plugin/run/notify.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { ContentSender } from '../plugin/run/sender.ts'
import { type SessionChange, writeSession } from '../session/sessions.ts'
import { writeState } from '../session/states.ts'
import { chatMoveOf, moveChat } from '../telegram/chat-move.ts'
import type { Inbox } from './inbox/inbox.ts'
import type { InboxItem } from './inbox/item.ts'
import type { Semaphore } from './inbox/semaphore.ts'

/** `lost`: the update was completed by somebody else, and nothing of this run was written. */
export type CommitResult = 'committed' | 'lost'

export interface CommitParts {
  readonly inbox: Inbox
  readonly outbox: Pick<Outbox, 'write' | 'writeOwn' | 'forget' | 'wake'>
  readonly sender: Pick<ContentSender, 'prepare'>
  readonly commits: Semaphore
  readonly database: Queries
  readonly queue: Pick<JobQueue, 'open' | 'put' | 'sent' | 'moveChat'>
}

class AlreadyDone extends Error {}

/** An answer is of no use any more after that, ms. */
const answerKeepMs = 3_600_000

/**
 * Completes an update. With changes in its unit of work, messages to others, jobs or a step of a dialog: one short transaction that first
 * claims the update, then writes them and what is answered; so its effects are in the database exactly once, and
 * no answer to them is lost. Without: a mark, later.
 *
 * @throws OPS_COMMITTED when something was written after an early commit
 */
export async function commitRun(
  run: UpdateRun,
  item: InboxItem,
  parts: CommitParts,
): Promise<CommitResult> {
  if (run.commit !== 'open') return afterCommit(run, parts)
  const moves = chatMoveOf(item.update) !== undefined
  const writes = run.usedEm !== undefined && hasChanges(run.usedEm)
  const gives = run.notices.length > 0 || run.jobs.length > 0
  const remembers = run.session !== undefined || run.states.size > 0
  const isRead = !moves && !writes && !gives && !remembers
  if (isRead) parts.inbox.done(item)
  run.commit = isRead ? 'committed' : await write(run, item, parts)
  // observers still see the update
  if (run.usedEm !== undefined) seal(run.usedEm)
  return run.commit
}

/**
 * Completes an update before its handler has ended: `ctx.commit`, `ctx.transactional`.
 *
 * @param work done inside the transaction, after the claim
 * @throws OPS_COMMITTED for the second time
 */
export async function commitEarly(
  run: UpdateRun,
  item: InboxItem,
  parts: CommitParts,
  work?: () => Promise<void>,
): Promise<void> {
  if (run.commit !== 'open') {
    throw new OpsError('OPS_COMMITTED', 'The update is committed already, or is being committed')
  }
  run.commit = 'running'
  try {
    run.commit = await write(run, item, parts, work)
  } finally {
    if (run.commit === 'running') {
      run.commit = 'open'
      // of what was rolled back nothing may be written by a handler that goes on
      run.em.clear()
      run.notices.length = 0
      run.jobs.length = 0
      run.session = undefined
      run.states.clear()
      run.sessions.clear()
    }
  }
  seal(run.em)
  if (run.commit === 'lost') throw new AlreadyDone('The update was completed by another instance')
  // the handler goes on, and may look at what it changed
  for (const work of run.afterCommit.splice(0)) work()
}

async function afterCommit(run: UpdateRun, parts: CommitParts): Promise<CommitResult> {
  if (run.commit === 'lost') return 'lost'
  if (run.usedEm !== undefined && hasChanges(run.usedEm)) {
    throw new OpsError('OPS_COMMITTED', 'An entity was changed after the commit')
  }
  // what the handler has returned since is not to be lost either
  const { database, outbox, sender } = parts
  const answers = await answersOf(run, sender, database)
  if (answers.length > 0) keep(run, await outbox.writeOwn(database, answers))
  return 'committed'
}

async function write(
  run: UpdateRun,
  item: InboxItem,
  { inbox, outbox, sender, commits, queue }: CommitParts,
  work?: () => Promise<void>,
): Promise<CommitResult> {
  const { em } = run
  const move = chatMoveOf(item.update)
  let kept: OutboxRow[] = []
  // opening it asks the database, which nothing may do beside an open transaction
  if (mayPutJobs(run, work)) await queue.open()
  try {
    await commits.use(() =>
      inTransaction(em, async () => {
        if (!(await inbox.claim(em, item))) throw new AlreadyDone()
        await work?.()
        const sql = queriesIn(em)
        for (const change of run.states.values()) {
          if (await writeState(sql, change)) continue
          throw new OptimisticLockError('A session was changed by somebody else since it was read')
        }
        const answers = await answersOf(run, sender, sql)
        if (answers.length > 0) kept = await outbox.writeOwn(sql, answers)
        if (run.session !== undefined && !(await writeSession(sql, asked(run.session, kept)))) {
          throw new OptimisticLockError('A dialog was changed by somebody else since it was read')
        }
        const notices = await messagesOf(run.notices, sender, sql, item.facts.updateId)
        if (notices.length > 0) await outbox.write(sql, notices)
        if (run.jobs.length > 0) await queue.put(run.jobs, sql)
        // together with what plugins keep of the chat and moved in their handlers
        if (move !== undefined) {
          await moveChat((text) => sql.query(text), move)
          await queue.moveChat(sql, move)
        }
      }),
    )
  } catch (error) {
    // the answer to COMMIT was lost: the row knows whether it happened
    if (!isCommitUnknown(error) || !(await inbox.isDone(item))) {
      outbox.forget(kept)
      if (error instanceof AlreadyDone) return 'lost'
      throw error
    }
  }
  keep(run, kept)
  if (run.notices.length > 0) outbox.wake()
  if (run.jobs.length > 0) queue.sent(run.jobs)
  return 'committed'
}

/** The question is what is said last. */
function asked({ to, ...change }: SessionChange, answers: readonly OutboxRow[]): SessionChange {
  return { ...change, to: to && { ...to, question: answers.at(-1)?.id } }
}

/** What is done inside of the transaction may ask for jobs too. */
function mayPutJobs({ jobs, generation }: UpdateRun, work: unknown): boolean {
  if (jobs.length > 0 || work === undefined) return jobs.length > 0
  return [...generation.plugins.values()].some((plugin) => plugin.jobs.size > 0)
}

/** The answers are in the outbox: from there they are sent. */
function keep(run: UpdateRun, rows: readonly OutboxRow[]): void {
  run.kept.push(...rows)
  // without a chat there are none, and who sends them finds that out
  if (rows.length > 0) run.answers.length = 0
}

async function answersOf(
  { facts, answers, route }: UpdateRun,
  sender: CommitParts['sender'],
  sql: Queries,
): Promise<NewMessage[]> {
  const made: NewMessage[] = []
  if (facts.chatId === undefined) return made
  for (const content of answers) {
    const { chatId, messages } = await sender.prepare(facts, content, { sql })
    for (const outgoing of messages) {
      made.push({
        kind: 'answer',
        chatId,
        outgoing,
        lane: 'interactive',
        ifUnsure: 'repeat',
        keepMs: answerKeepMs,
        plugin: route?.plugin,
        updateId: facts.updateId,
      })
    }
  }
  return made
}
