import type { Actor, OpsContext } from 'opsgram'

/** What an outgoing call has to know of the update it answers. */
export interface Handled {
  readonly chatId: number | undefined
  /** Of `bot_users`. */
  readonly userId: string | undefined
  readonly plugin: string | undefined
  readonly command: string | undefined
}

type Observed = OpsContext & { readonly actor: Actor }

/** A handler's unawaited calls may finish after it; those of the last so many updates are still told. */
const remembered = 1_000

/**
 * The updates that this version of the plugin observes. While versions overlap in a reload, both hear
 * of every call: each logs those of its own updates.
 */
export class HandledUpdates {
  readonly #running = new Map<number, Observed>()
  readonly #done = new Map<number, Handled>()

  begin(ctx: Observed): void {
    this.#running.set(ctx.facts.updateId, ctx)
  }

  end(ctx: Observed): void {
    const { updateId } = ctx.facts
    this.#running.delete(updateId)
    this.#done.set(updateId, handledBy(ctx))
    // a map keeps the order of insertion: the first is the oldest
    for (const [oldest] of this.#done) {
      if (this.#done.size <= remembered) break
      this.#done.delete(oldest)
    }
  }

  /** As far as it is known now: who and by what an update is handled shows on the way. */
  find(updateId: number): Handled | undefined {
    const ctx = this.#running.get(updateId)
    return ctx === undefined ? this.#done.get(updateId) : handledBy(ctx)
  }
}

function handledBy({ facts, actor, outcome }: Observed): Handled {
  return {
    chatId: facts.chatId,
    userId: actor.kind === 'user' ? actor.id : undefined,
    plugin: outcome.plugin,
    command: outcome.route,
  }
}
