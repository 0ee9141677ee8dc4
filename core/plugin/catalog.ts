import { usageOf } from './arguments.ts'
import { type OpsContext, runBehind } from './context.ts'
import type { Command } from './manifest.ts'
import type { AvailableCommand, Plugins } from './plugins.ts'
import type { Reloader } from './reload.ts'
import type { UpdateRun } from './run.ts'

/** The core's own service `Plugins`, over the reloader. */
export function createCatalog(reloader: Reloader): Plugins {
  return {
    get generation() {
      return reloader.live.current.id
    },
    list: () => reloader.list(),
    reload: (name) => reloader.reload(name),
    commandsFor(ctx: OpsContext): readonly AvailableCommand[] {
      const run = runBehind(ctx)
      const routes = [...run.generation.routes.commands].filter(([word, { name }]) => word === name)
      return routes
        .flatMap(([, { instance, name, command }]) => {
          const t = instance.texts.in(run.language)
          const describe = (path: string, key: string, own: Command): AvailableCommand => ({
            path,
            plugin: instance.name,
            description: t(`${key}.description`),
            usage: usageOf(path, own.args),
            subcommands: Object.entries(own.subcommands).flatMap(([sub, inner]) =>
              mayUse(run, inner) ? [describe(`${path} ${sub}`, `${key}.${sub}`, inner)] : [],
            ),
          })
          const listed = describe(name, `commands.${name}`, command)
          const usable = mayUse(run, command) && isHere(run, command)
          const empty = command.run === undefined && listed.subcommands.length === 0
          return usable && !empty ? [listed] : []
        })
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    },
  }
}

function mayUse(run: UpdateRun, command: Command): boolean {
  return command.permission === undefined || run.can(command.permission)
}

function isHere(run: UpdateRun, { chats }: Command): boolean {
  if (chats === 'any') return true
  return (chats === 'private') === (run.facts.chatType === 'private')
}
