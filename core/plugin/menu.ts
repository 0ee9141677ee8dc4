import { createHash } from 'node:crypto'
import { TelegramError } from 'telegraf'
import type { BotCommand, BotCommandScope } from 'telegraf/types'
import type { Logger } from '../log/logger.ts'
import { Backoff, sleep } from '../telegram/backoff.ts'
import type { Gateway } from '../telegram/gateway.ts'
import { type ActiveUser, isOwner, type PermissionDeclaration } from './access.ts'
import type { Generation } from './generation/generation.ts'
import type { Live } from './generation/live.ts'
import type { Routes } from './generation/routes.ts'
import { isForEveryone, isUsable } from './manifest/usable.ts'

type May = (permission: PermissionDeclaration) => boolean

interface Menu {
  scope: BotCommandScope
  language: string | undefined
  commands: BotCommand[]
  hash: string
}

/** Telegram allows one list a second, and 100 commands in one. */
const everyMs = 1_000
const maxCommands = 100
/** Lists of single people are kept for so many; the longest unseen are forgotten first. */
const maxPeople = 100

/**
 * The command menus in Telegram's clients. Everybody sees /start and what is open to everyone; groups what every active
 * user may use there; a known person's private chat what that one may, in their language. Lists are sent when
 * they changed, the newest one only, one a second.
 */
export class Menus {
  readonly #gateway: Gateway
  readonly #live: Live
  readonly #log: Logger
  /** Hashes of what Telegram has, by scope and language. */
  readonly #sent = new Map<string, string>()
  readonly #wanted = new Map<string, Menu>()
  readonly #people = new Map<number, { user: ActiveUser; key: string }>()
  /** Languages with a list of everybody's commands. */
  #languages: ReadonlySet<string> = new Set()
  readonly #stopping = new AbortController()
  #work: Promise<void> | undefined

  constructor(options: { gateway: Gateway; live: Live; log: Logger }) {
    this.#gateway = options.gateway
    this.#live = options.live
    this.#log = options.log
  }

  /** To be called after each commit. */
  async refresh(): Promise<void> {
    const generation = this.#live.current
    const known = [...generation.plugins.values()].flatMap(({ texts }) => texts.languages)
    // Telegram takes two-letter codes only (Bot API, setMyCommands)
    const languages = new Set(known.filter((language) => /^[a-z]{2}$/.test(language)))
    for (const language of [undefined, ...languages]) {
      const { guarded } = generation.unapproved
      this.#want({ type: 'default' }, language, commandsOfStrangers(guarded, language))
      const inGroups = commandsOf(guarded, language, 'group', () => false)
      this.#want({ type: 'all_group_chats' }, language, inGroups)
    }
    // an empty list takes the one of a language away that nothing speaks any more
    for (const before of this.#languages) {
      if (languages.has(before)) continue
      for (const type of ['default', 'all_group_chats'] as const) this.#want({ type }, before, [])
    }
    this.#languages = languages
    for (const { user } of this.#people.values()) await this.#wantFor(user, generation)
  }

  /** Somebody wrote in private: a known person's chat gets a list of its own, or loses it. */
  met(actor: ActiveUser | { readonly kind: 'stranger'; readonly telegramId: number }): void {
    if (actor.kind === 'user') void this.#seen(actor)
    else if (this.#people.delete(actor.telegramId)) {
      this.#want({ type: 'chat', chat_id: actor.telegramId }, undefined, [])
    }
  }

  async #seen(user: ActiveUser): Promise<void> {
    const key = `${this.#live.current.id} ${user.role} ${user.rights} ${user.language}`
    const known = this.#people.get(user.telegramId)
    this.#people.delete(user.telegramId)
    this.#people.set(user.telegramId, { user, key })
    if (known?.key === key) return
    const [oldest] = this.#people.keys()
    if (this.#people.size > maxPeople && oldest !== undefined) this.#people.delete(oldest)
    await this.#wantFor(user, this.#live.current)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#work
  }

  async #wantFor(user: ActiveUser, generation: Generation): Promise<void> {
    const { authorizer } = generation
    if (authorizer === undefined) return
    try {
      const may = await authorizer.permissionsOf(user, { chatId: user.telegramId })
      const routes = isOwner(user) ? generation.routes : generation.unapproved.guarded
      const commands = commandsOf(routes, user.language, 'private', may)
      this.#want({ type: 'chat', chat_id: user.telegramId }, undefined, commands)
    } catch (error) {
      this.#log.warn('menu.failed', { userId: user.telegramId, error })
    }
  }

  #want(scope: BotCommandScope, language: string | undefined, commands: BotCommand[]): void {
    const key = `${JSON.stringify(scope)} ${language ?? ''}`
    const hash = createHash('sha256').update(JSON.stringify(commands)).digest('base64')
    if (this.#sent.get(key) === hash) {
      this.#wanted.delete(key)
      return
    }
    this.#wanted.set(key, { scope, language, commands, hash })
    this.#work ??= this.#send()
  }

  async #send(): Promise<void> {
    const { signal } = this.#stopping
    const backoff = new Backoff({ firstMs: 2_000, maxMs: 300_000 })
    while (!signal.aborted) {
      const [next] = this.#wanted
      if (next === undefined) {
        // in the same turn: what is wanted from now on starts anew
        this.#work = undefined
        return
      }
      const [key, { scope, language, commands, hash }] = next
      let waitMs = everyMs
      try {
        await this.#gateway.call(
          'setMyCommands',
          { commands, scope, ...(language === undefined ? {} : { language_code: language }) },
          { signal },
        )
        this.#done(key, hash)
        backoff.reset()
      } catch (error) {
        if (signal.aborted) return
        // a person who never opened the chat has no menu to set; asking again can't help
        if (isRefused(error)) this.#done(key, hash)
        else waitMs = Math.max(everyMs, backoff.next())
        this.#log.warn('menu.not-set', { scope: scope.type, error })
      }
      await sleep(waitMs, signal).catch(() => undefined)
    }
  }

  /** A newer list may have been wanted meanwhile: it stays. */
  #done(key: string, hash: string): void {
    this.#sent.set(key, hash)
    if (this.#wanted.get(key)?.hash === hash) this.#wanted.delete(key)
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof TelegramError && error.code >= 400 && error.code < 429
}

/** What strangers see: how to begin, and what is theirs too. */
function commandsOfStrangers(routes: Routes, language: string | undefined): BotCommand[] {
  return commandsOf(routes, language, undefined, () => false).filter(({ command }) => {
    const own = routes.commands.get(command)?.command
    return command === 'start' || (own !== undefined && isForEveryone(own))
  })
}

function commandsOf(
  routes: Routes,
  language: string | undefined,
  chatType: string | undefined,
  may: May,
): BotCommand[] {
  const { commands, permissions } = routes
  const can = (name: string) => {
    const permission = permissions.get(name)
    return permission !== undefined && may(permission)
  }
  const list: BotCommand[] = []
  for (const [word, { instance, name, command }] of commands) {
    if (word !== name) continue
    if (!isUsable(command, { isUser: true, can, chatType })) continue
    const description = instance.texts.in(language)(`commands.${name}.description`)
    list.push({ command: name, description: description.slice(0, 256) })
  }
  return list.sort((a, b) => (a.command < b.command ? -1 : 1)).slice(0, maxCommands)
}
