import { isCommitUnknown } from '../database/failure.ts'
import { type EntityManager, inTransaction } from '../database/orm.ts'
import type { UpdateRun } from '../plugin/run.ts'
import { chatMoveOf, moveChat } from '../telegram/chat-move.ts'
import type { Inbox, InboxItem } from './inbox/inbox.ts'
import type { Semaphore } from './inbox/semaphore.ts'

/** `lost`: the update was completed by somebody else, and nothing of this run was written. */
export type CommitResult = 'committed' | 'lost'

class AlreadyDone extends Error {}

/**
 * Completes an update. With changes in its unit of work: one short transaction that first claims the
 * update, then writes them; so its effects are in the database exactly once. Without: a mark, later.
 */
export async function commitRun(
  run: UpdateRun,
  item: InboxItem,
  inbox: Inbox,
  commits: Semaphore,
): Promise<CommitResult> {
  const move = chatMoveOf(item.update)
  const em = move === undefined ? run.usedEm : run.em
  if (em === undefined || (move === undefined && !hasChanges(em))) {
    inbox.done(item)
    return 'committed'
  }
  try {
    await commits.use(() =>
      inTransaction(em, async () => {
        if (!(await inbox.claim(em, item))) throw new AlreadyDone()
        // together with what plugins keep of the chat and moved in their handlers
        if (move !== undefined) await moveChat((sql) => em.execute(sql), move)
      }),
    )
    return 'committed'
  } catch (error) {
    if (error instanceof AlreadyDone) return 'lost'
    // the answer to COMMIT was lost: the row knows whether it happened
    if (isCommitUnknown(error) && (await inbox.isDone(item))) return 'committed'
    throw error
  }
}

function hasChanges(em: EntityManager): boolean {
  const unit = em.getUnitOfWork()
  unit.computeChangeSets()
  return (
    unit.getChangeSets().length > 0 ||
    unit.getRemoveStack().size > 0 ||
    unit.getCollectionUpdates().length > 0 ||
    unit.getExtraUpdates().size > 0
  )
}
