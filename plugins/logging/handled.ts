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

/** A handler's unawaited calls may finish after it; those of the last so many updates, or twice as many, are still told. */
const remembered = 1_000

/**
 * The updates that this version of the plugin observes. While versions overlap in a reload, both hear
 * of every call: each logs those of its own updates.
 */
export class HandledUpdates {
  readonly #running = new Map<number, Observed>()
  /** In two halves, the older of which goes as a whole: to take one out of a map a time costs more than to log it. */
  #done = new Map<number, Handled>()
  #older: ReadonlyMap<number, Handled> = new Map()

  begin(ctx: Observed): void {
    this.#running.set(ctx.facts.updateId, ctx)
  }

  end(ctx: Observed): void {
    const { updateId } = ctx.facts
    this.#running.delete(updateId)
    if (this.#done.size >= remembered) {
      this.#older = this.#done
      this.#done = new Map()
    }
    this.#done.set(updateId, handledBy(ctx))
  }

  /** As far as it is known now: who and by what an update is handled shows on the way. */
  find(updateId: number): Handled | undefined {
    const ctx = this.#running.get(updateId)
    if (ctx !== undefined) return handledBy(ctx)
    return this.#done.get(updateId) ?? this.#older.get(updateId)
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
