import type { BotCommand } from 'telegraf/types'
import type { PermissionDeclaration } from '../access.ts'
import type { Routes } from '../generation/routes.ts'
import { isForEveryone, isUsable } from '../manifest/usable.ts'

type May = (permission: PermissionDeclaration) => boolean

/** Telegram takes so many in one list (Bot API, setMyCommands). */
const maxCommands = 100
const maxDescription = 256

/** What strangers see: how to begin, and what is theirs too. */
export function commandsOfStrangers(routes: Routes, language: string | undefined): BotCommand[] {
  return listOf(routes, language, undefined, () => false).filter(({ command }) => {
    const own = routes.commands.get(command)?.command
    return command === 'start' || (own !== undefined && isForEveryone(own))
  })
}

/** What every active user may use in groups. */
export function commandsInGroups(routes: Routes, language: string | undefined): BotCommand[] {
  return listOf(routes, language, 'group', () => false)
}

/** What one person may use in private. */
export function commandsOfPerson(
  routes: Routes,
  language: string | undefined,
  may: May,
): BotCommand[] {
  return listOf(routes, language, 'private', may)
}

function listOf(
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
    list.push({ command: name, description: description.slice(0, maxDescription) })
  }
  return list.sort((a, b) => (a.command < b.command ? -1 : 1)).slice(0, maxCommands)
}
