import type { Logger } from '../../log/logger.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import { type ActiveUser, isOwner } from '../access.ts'
import { routesWithout } from '../chats/routes.ts'
import type { Generation } from '../generation/generation.ts'
import type { Live } from '../generation/live.ts'
import { commandsInGroups, commandsOfPerson, commandsOfStrangers } from './lists.ts'
import { MenuSending } from './sending.ts'

/** A group for which something was decided, maybe taken back since. */
export interface DecidedGroup {
  readonly chatId: number
  /** In which everybody is answered there. */
  readonly language?: string
  /** Plugins that are switched off there. */
  readonly off: readonly string[]
}

/** Lists of so many single people, and as many groups, follow a reload; the longest unseen when they are seen again. */
const maxKnown = 100

/**
 * The command menus in Telegram's clients. Everybody sees /start and what is open to everyone; groups what every active
 * user may use there, and those for which something was decided a list of their own; a known person's private chat what
 * that one may, in their language.
 */
export class Menus {
  readonly #live: Live
  readonly #log: Logger
  readonly #sending: MenuSending
  readonly #people = new Map<number, { user: ActiveUser; key: string }>()
  readonly #groups = new Map<number, { group: DecidedGroup; key: string }>()
  /** Languages with a list of everybody's commands. */
  #languages: ReadonlySet<string> = new Set()

  constructor({ gateway, live, log }: { gateway: Gateway; live: Live; log: Logger }) {
    this.#live = live
    this.#log = log
    this.#sending = new MenuSending({ gateway, log })
  }

  /** To be called after each commit. */
  async refresh(): Promise<void> {
    const generation = this.#live.current
    const { guarded } = generation.unapproved
    const languages = languagesOf(generation)
    for (const language of [undefined, ...languages]) {
      this.#sending.want({ type: 'default' }, language, commandsOfStrangers(guarded, language))
      this.#sending.want({ type: 'all_group_chats' }, language, commandsInGroups(guarded, language))
    }
    for (const gone of this.#languages) {
      if (languages.has(gone)) continue
      for (const type of ['default', 'all_group_chats'] as const) {
        this.#sending.want({ type }, gone, [])
      }
    }
    this.#languages = languages
    for (const { group } of this.#groups.values()) this.#wantForGroup(group, generation)
    for (const { user } of this.#people.values()) await this.#wantFor(user, generation)
  }

  /** Somebody wrote in private: a known person's chat gets a list of its own, or loses it. */
  met(actor: ActiveUser | { readonly kind: 'stranger'; readonly telegramId: number }): void {
    if (actor.kind === 'user') void this.#seen(actor)
    else if (this.#people.delete(actor.telegramId)) {
      this.#sending.want({ type: 'chat', chat_id: actor.telegramId }, undefined, [])
    }
  }

  /** There was an update of such a group. */
  metGroup(group: DecidedGroup): void {
    const key = JSON.stringify([this.#live.current.id, group])
    if (isKnown(this.#groups, group.chatId, { group, key })) return
    this.#wantForGroup(group, this.#live.current)
  }

  stop(): Promise<void> {
    return this.#sending.stop()
  }

  async #seen(user: ActiveUser): Promise<void> {
    const key = `${this.#live.current.id} ${user.role} ${user.rights} ${user.language}`
    if (isKnown(this.#people, user.telegramId, { user, key })) return
    await this.#wantFor(user, this.#live.current)
  }

  async #wantFor(user: ActiveUser, generation: Generation): Promise<void> {
    const { authorizer } = generation
    if (authorizer === undefined) return
    try {
      const may = await authorizer.permissionsOf(user, { chatId: user.telegramId })
      const routes = isOwner(user) ? generation.routes : generation.unapproved.guarded
      const commands = commandsOfPerson(routes, user.language, may)
      this.#sending.want({ type: 'chat', chat_id: user.telegramId }, undefined, commands)
    } catch (error) {
      this.#log.warn('menu.failed', { userId: user.telegramId, error })
    }
  }

  /** Telegram takes a chat's list without a language before everybody's in one (Bot API, BotCommandScope). */
  #wantForGroup({ chatId, language: chosen, off }: DecidedGroup, generation: Generation): void {
    const routes = routesWithout(generation.unapproved.guarded, new Set(off))
    const isOwn = chosen !== undefined || off.length > 0
    for (const language of [undefined, ...languagesOf(generation)]) {
      const commands = isOwn ? commandsInGroups(routes, chosen ?? language) : []
      // in a group that speaks one language, one list is enough
      const isNeeded = language === undefined || chosen === undefined
      const scope = { type: 'chat', chat_id: chatId } as const
      this.#sending.want(scope, language, isNeeded ? commands : [])
    }
  }
}

/** Telegram takes two-letter codes only (Bot API, setMyCommands). */
function languagesOf({ plugins }: Generation): ReadonlySet<string> {
  const known = [...plugins.values()].flatMap(({ texts }) => texts.languages)
  return new Set(known.filter((language) => /^[a-z]{2}$/.test(language)))
}

/** Whether the same was known; the longest unseen is forgotten. */
function isKnown<T extends { readonly key: string }>(
  known: Map<number, T>,
  id: number,
  now: T,
): boolean {
  const isSame = known.get(id)?.key === now.key
  known.delete(id)
  known.set(id, now)
  const [oldest] = known.keys()
  if (known.size > maxKnown && oldest !== undefined) known.delete(oldest)
  return isSame
}
