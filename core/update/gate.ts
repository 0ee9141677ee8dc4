import { contentOf } from '../plugin/content.ts'
import { PluginHeld } from '../plugin/room.ts'
import type { UpdateRun } from '../plugin/run.ts'

/** How often the log says that nobody guards the bot, ms. */
const reportEveryMs = 60_000

/**
 * Asks the live authenticator and authorizer. Fails closed: none of them, a throw, nobody known: nobody
 * comes in, nobody may do anything.
 */
export class Gate {
  #reportedAt = Number.NEGATIVE_INFINITY

  /** Finds out who the update comes from. @returns whether that one is let in */
  async enter(run: UpdateRun): Promise<boolean> {
    const { authenticator, authorizer, closed } = run.generation
    if (closed !== undefined) throw new PluginHeld('that guards the bot', closed)
    if (authenticator === undefined || authorizer === undefined) {
      this.#report(run, authenticator === undefined ? 'authenticator' : 'authorizer')
      run.refuse('no-gate')
      return false
    }
    const decision = await authenticator.authenticate(run.facts)
    run.actor = decision.actor
    if (decision.admitted) return true
    run.refuse(decision.reason)
    const { userId, chatType } = run.facts
    // posts of channels and the like come from no person, all day long
    const level = userId === undefined ? 'debug' : 'info'
    run.log[level]('auth.refused', { userId, reason: decision.reason })
    if (decision.answer !== undefined && chatType === 'private') {
      run.say(contentOf(decision.answer))
    }
    return false
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

  #report(run: UpdateRun, missing: string): void {
    const now = performance.now()
    if (now - this.#reportedAt < reportEveryMs) return
    this.#reportedAt = now
    run.log.error('auth.gate-missing', {
      missing,
      hint: 'No live plugin provides it, so every update is refused. Load the auth plugin.',
    })
  }
}
