import { OpsError } from '../../errors.ts'
import { newRevision } from '../../session/sessions.ts'
import type { KeptState, StateKey } from '../../session/states.ts'
import type { SessionDeclaration, SessionView } from '../manifest/session.ts'
import type { UpdateRun } from './run.ts'

type State = Readonly<Record<string, unknown>>

/** The state of one plugin in one run: read when it is first asked for, written with the commit. */
export class RunSession implements SessionView<SessionDeclaration['state']> {
  readonly #run: UpdateRun
  readonly #plugin: string
  readonly #declared: SessionDeclaration
  #read: Promise<KeptState | undefined> | undefined
  /** As given, with what was changed here. */
  #state: State | undefined

  constructor(run: UpdateRun, plugin: string, declared: SessionDeclaration) {
    this.#run = run
    this.#plugin = plugin
    this.#declared = declared
  }

  async get(): Promise<Record<string, unknown>> {
    return this.#declared.state.parse(await this.#given())
  }

  async set(changes: State): Promise<void> {
    const state = { ...(await this.#given()), ...changes }
    const parsed = this.#declared.state.safeParse(state)
    if (!parsed.success) {
      throw new OpsError(
        'OPS_SESSION',
        `What the session of plugin ${this.#plugin} was given doesn't fit`,
        {
          cause: parsed.error,
        },
      )
    }
    const { version, withinS } = this.#declared
    const expiresAt = new Date(this.#run.clock.now() + withinS * 1_000)
    await this.#keep({ version, revision: newRevision(), state, expiresAt })
    this.#state = state
  }

  async clear(): Promise<void> {
    await this.#keep(undefined)
    this.#state = {}
  }

  async #keep(to: KeptState | undefined): Promise<void> {
    const key = this.#key()
    const from = (await this.#kept())?.revision
    this.#run.keepState({ key, from, to })
  }

  async #given(): Promise<State> {
    this.#state ??= this.#live(await this.#kept())
    return this.#state
  }

  /** What of a kept state this version can go on with. */
  #live(kept: KeptState | undefined): State {
    const { version, state, migrate } = this.#declared
    if (kept === undefined || this.#run.clock.now() >= kept.expiresAt.getTime()) return {}
    // of a version that was rolled back: as far as it fits
    const mine = kept.version < version ? migrate?.(kept.state, kept.version) : kept.state
    if (mine !== undefined && state.safeParse(mine).success) return mine
    this.#run.log.info('session.begun-anew', { plugin: this.#plugin, version: kept.version })
    return {}
  }

  #kept(): Promise<KeptState | undefined> {
    this.#read ??= this.#run.findState(this.#key())
    return this.#read
  }

  #key(): StateKey {
    const { facts, actor } = this.#run
    const { chatId = facts.userId, senderChatId } = facts
    // who asked for what somebody else has just approved: it is theirs, not the approver's
    const userId = actor.kind === 'user' ? actor.telegramId : facts.userId
    if (userId !== undefined && chatId !== undefined && senderChatId === undefined) {
      return { chatId, userId, plugin: this.#plugin }
    }
    throw new OpsError(
      'OPS_SESSION',
      `No person is behind the update, so plugin ${this.#plugin} has no session there`,
    )
  }
}
