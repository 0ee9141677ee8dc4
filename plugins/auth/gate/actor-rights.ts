import type { ActiveUser } from 'opsgram'
import type { Rights } from '../rights/decide.ts'

/** What was read of people's rights, by the actors that the gate made of them. */
export class ActorRights {
  readonly #rights = new WeakMap<ActiveUser, Rights>()

  keep(actor: ActiveUser, rights: Rights): void {
    this.#rights.set(actor, rights)
  }

  of(actor: ActiveUser): Rights | undefined {
    return this.#rights.get(actor)
  }
}
