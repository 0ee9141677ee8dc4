import { AuditEntry, type EntityManager, type Logger, type OpsContext } from 'opsgram'

/** Puts on record what people with a role were refused for lack of a permission. */
export class Refusals {
  readonly #em: () => EntityManager
  readonly #log: Logger
  readonly #writing = new Set<Promise<void>>()

  constructor(parts: { em: () => EntityManager; log: Logger }) {
    this.#em = parts.em
    this.#log = parts.log
  }

  /** To be called when the update has come to its end. Strangers are left to the gate: a flood of theirs writes nothing. */
  note({ facts, outcome }: OpsContext, actor: { telegramId: number; name: string }): void {
    if (outcome.refused !== 'permission' || outcome.plugin === undefined) return
    const em = this.#em()
    em.create(AuditEntry, {
      actorId: actor.telegramId,
      actorName: actor.name,
      plugin: outcome.plugin,
      action: `${outcome.plugin}.${outcome.route}`,
      chatId: facts.chatId ?? null,
      outcome: 'refused',
      reason: 'permission',
    })
    const writing = em
      .flush()
      .catch((error: unknown) => this.#log.error('auth.refusal-not-saved', { error }))
      .finally(() => this.#writing.delete(writing))
    this.#writing.add(writing)
  }

  /** Resolves when nothing is being written. */
  async idle(): Promise<void> {
    await Promise.all(this.#writing)
  }
}
