import { type Actor, isOwner } from '../plugin/access.ts'
import { PluginHeld } from '../plugin/reload/room.ts'
import { contentOf } from '../plugin/run/content.ts'
import type { UpdateRun } from '../plugin/run/run.ts'
import type { UpdateFacts } from '../telegram/facts.ts'

/** How often the log says that nobody guards the bot, ms. */
const reportEveryMs = 60_000

/**
 * What of an update's way is open to everyone: a command or button that it `asked` for, or a listener that
 * `heard` it, which makes it no less an intrusion.
 */
export type Open = 'asked' | 'heard' | undefined

/**
 * Asks the live authenticator and authorizer. Fails closed: none of them, a throw, nobody known: nobody
 * comes in, nobody may do anything.
 */
export class Gate {
  readonly #ownerIds: ReadonlySet<number>
  #reportedAt = Number.NEGATIVE_INFINITY

  /** @param ownerIds the people of ADMIN_IDS */
  constructor(ownerIds: readonly number[]) {
    this.#ownerIds = new Set(ownerIds)
  }

  /**
   * Finds out who the update comes from, and sets `run.admitted`: for active users, and for all but blocked
   * ones if there is something open to everyone for it.
   */
  async enter(run: UpdateRun, open: Open): Promise<void> {
    const { authenticator, authorizer, closed } = run.generation
    if (closed !== undefined) throw new PluginHeld('that guards the bot', closed)
    if (authenticator === undefined || authorizer === undefined) {
      this.#report(run, authenticator === undefined ? 'authenticator' : 'authorizer')
      return run.refuse('no-gate')
    }
    const { guard } = run.generation.unapproved
    if (guard !== undefined && !this.#isOwner(run.facts)) {
      this.#report(run, 'approval', guard)
      return run.refuse('unapproved-gate')
    }
    const decision = await authenticator.authenticate(run.facts, {
      open: open === 'asked',
      ...(run.authEpoch === undefined ? {} : { epoch: run.authEpoch }),
    })
    run.actor = decision.actor
    // a guard that nobody approved may not make another person out of an owner either
    if (guard !== undefined && !(decision.admitted && isSelf(decision.actor, run.facts))) {
      run.actor = { kind: 'none' }
      return run.refuse('unapproved-gate')
    }
    run.admitted = decision.admitted || (open !== undefined && decision.audience === 'everyone')
    if (decision.admitted || (run.admitted && open === 'asked')) return
    if (!run.admitted) run.refuse(decision.reason)
    const { userId, chatType } = run.facts
    // posts of channels and the like come from no person, all day long
    const level = userId === undefined ? 'debug' : 'info'
    run.log[level]('auth.refused', { userId, reason: decision.reason })
    if (decision.answer !== undefined && chatType === 'private') {
      run.say(contentOf(decision.answer))
    }
  }

  /** Reads what the actor may do here; until then the answer to everything is no. */
  async grant(run: UpdateRun): Promise<void> {
    const { authorizer } = run.generation
    if (authorizer === undefined) return
    const { chatId, threadId } = run.facts
    run.may = await authorizer.permissionsOf(run.user, {
      ...(chatId === undefined ? {} : { chatId }),
      ...(threadId === undefined ? {} : { threadId }),
    })
  }

  /** From here on the update is handled in the name of somebody else. @returns false when they aren't let in now */
  async become(run: UpdateRun, telegramId: number): Promise<boolean> {
    const user = await run.generation.authenticator?.find?.(telegramId)
    if (user === undefined) return false
    run.actor = user
    // what was read of the other one's
    run.sessions.clear()
    await this.grant(run)
    return true
  }

  /** By what Telegram says, not by what a plugin makes of it. */
  #isOwner({ userId, senderChatId, from }: UpdateFacts): boolean {
    if (userId === undefined || senderChatId !== undefined || from?.is_bot === true) return false
    return this.#ownerIds.has(userId)
  }

  #report(run: UpdateRun, missing: string, plugin?: string): void {
    const now = performance.now()
    if (now - this.#reportedAt < reportEveryMs) return
    this.#reportedAt = now
    const hint =
      plugin === undefined
        ? 'No live plugin provides it, so every update is refused. Load the auth plugin.'
        : 'A plugin that was not there before decides who is let in: owners alone are, until one approves it.'
    run.log.error('auth.gate-missing', {
      missing,
      ...(plugin === undefined ? {} : { plugin }),
      hint,
    })
  }
}

function isSelf(actor: Actor, { userId }: UpdateFacts): boolean {
  return actor.kind === 'user' && actor.telegramId === userId && isOwner(actor)
}
