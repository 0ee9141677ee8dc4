import type { CallbackQuery, Message, MessageEntity } from 'telegraf/types'
import type { ActionRoute, CommandRoute, EventRoute, Routes } from '../plugin/generation/routes.ts'
import type { Command } from '../plugin/manifest/command.ts'
import type { UpdateFacts } from '../telegram/facts.ts'

/** What one update is for. Found by map look-ups only: the number of plugins doesn't matter. */
export type Match =
  | {
      kind: 'command'
      route: CommandRoute
      /** The command or subcommand that runs. */
      command: Command
      /** `worklog sync` */
      path: string
      /** The text after it. */
      text: string
    }
  | { kind: 'unknown-command'; word: string; addressed: boolean }
  | { kind: 'press'; data: string }
  | { kind: 'events'; routes: readonly EventRoute[] }
  | { kind: 'none' }

interface CommandLine {
  word: string
  /** Named this bot: `/help@opsgram_bot`. */
  addressed: boolean
  text: string
}

export function match(
  update: object,
  facts: UpdateFacts,
  routes: Routes,
  botUsername: string,
): Match {
  if (facts.kind === 'message') {
    // edited messages are another kind; a forwarded command was meant for somebody else
    const line = facts.isForwarded ? undefined : commandLine(contentOf(update, facts), botUsername)
    if (line !== undefined) return matchCommand(line, routes)
  }
  if (facts.kind === 'callback_query') {
    const data = (contentOf(update, facts) as CallbackQuery.DataQuery | undefined)?.data
    if (data !== undefined) return { kind: 'press', data }
  }
  const listening = eventsFor(contentOf(update, facts), facts, routes)
  return listening.length > 0 ? { kind: 'events', routes: listening } : { kind: 'none' }
}

/** The command that a message begins with, in small letters; undefined if it is none, or for another bot. */
export function commandWord(
  update: object,
  facts: UpdateFacts,
  botUsername: string,
): string | undefined {
  if (facts.kind !== 'message' || facts.isForwarded) return undefined
  return commandLine(contentOf(update, facts), botUsername)?.word
}

function contentOf(update: object, facts: UpdateFacts): object | undefined {
  const content: unknown = Reflect.get(update, facts.kind)
  return typeof content === 'object' && content !== null ? content : undefined
}

/** The command at the beginning of a text or caption, if it is for this bot. */
function commandLine(content: object | undefined, botUsername: string): CommandLine | undefined {
  // Telegram marks commands itself; only the parts that are read here are relied upon
  const message = content as Partial<Message.TextMessage & Message.CaptionableMessage> | undefined
  // another bot wrote it: a person picks an inline result by its title, not by what it sends
  if (message?.via_bot !== undefined) return undefined
  const text = message?.text ?? message?.caption
  const entities: readonly MessageEntity[] = message?.entities ?? message?.caption_entities ?? []
  const first = entities.find((entity) => entity.offset === 0 && entity.type === 'bot_command')
  if (text === undefined || first === undefined) return undefined
  const [word = '', bot] = text.slice(1, first.length).split('@')
  if (bot !== undefined && bot.toLowerCase() !== botUsername.toLowerCase()) return undefined
  return {
    word: word.toLowerCase(),
    addressed: bot !== undefined,
    text: text.slice(first.length).trim(),
  }
}

function matchCommand({ word, addressed, text }: CommandLine, routes: Routes): Match {
  const route = routes.commands.get(word)
  if (route === undefined) return { kind: 'unknown-command', word, addressed }
  const first = /^\S+/.exec(text)?.[0] ?? ''
  const sub = Object.hasOwn(route.command.subcommands, first.toLowerCase())
    ? route.command.subcommands[first.toLowerCase()]
    : undefined
  if (sub === undefined) {
    return { kind: 'command', route, command: route.command, path: route.name, text }
  }
  const path = `${route.name} ${first.toLowerCase()}`
  return { kind: 'command', route, command: sub, path, text: text.slice(first.length).trim() }
}

function eventsFor(content: object | undefined, facts: UpdateFacts, routes: Routes): EventRoute[] {
  if (routes.events.size === 0) return []
  const found = [...(routes.events.get(facts.kind) ?? [])]
  // a message holds a few dozen keys at most, whatever the number of listeners
  for (const key of Object.keys(content ?? {})) {
    found.push(...(routes.events.get(`${facts.kind}:${key}`) ?? []))
  }
  return found
}

/** The route of a pressed button of ours. */
export function actionRoute(
  routes: Routes,
  plugin: string,
  action: string,
): ActionRoute | undefined {
  return routes.actions.get(`${plugin}:${action}`)
}
