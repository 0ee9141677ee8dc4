import type { CommandRoute } from '../plugin/generation/routes.ts'
import type { Command } from '../plugin/manifest/command.ts'
import type { UpdateRun } from '../plugin/run/run.ts'

/** A command that was given earlier, as it is by now: a reload may have taken it away, or changed it. */
export function findCommand(
  { routes }: UpdateRun,
  { plugin, path }: { plugin: string; path: string },
): { route: CommandRoute; command: Command } | undefined {
  const [word = '', subword] = path.split(' ')
  const route = routes.commands.get(word)
  if (route === undefined || route.instance.name !== plugin) return undefined
  if (subword === undefined) return { route, command: route.command }
  const command = new Map(Object.entries(route.command.subcommands)).get(subword)
  return command === undefined ? undefined : { route, command }
}
