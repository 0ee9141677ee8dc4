import type { Store } from '../store/store.ts'
import { choicesTopic } from './choice-news.ts'
import type { PluginChoices } from './choices.ts'
import { type OpsContext, runBehind } from './context.ts'
import type { CommandRoute } from './generation/routes.ts'
import { argumentsOf, usageOf } from './manifest/arguments.ts'
import type { Command } from './manifest/manifest.ts'
import { isUsable } from './manifest/usable.ts'
import type { AvailableCommand, HeldPermission, Plugins } from './plugins.ts'
import type { Reloader } from './reload/reloader.ts'
import type { UpdateRun } from './run.ts'

/** The core's own service `Plugins`, over the reloader. */
export function createCatalog(parts: {
  reloader: Reloader
  choices: PluginChoices
  store: Store
}): Plugins {
  const { reloader, choices, store } = parts
  return {
    get generation() {
      return reloader.live.current.id
    },
    list(language) {
      const { plugins } = reloader.live.current
      return reloader.list().map((status) => {
        const texts = plugins.get(status.name)?.texts
        return texts === undefined
          ? status
          : { ...status, description: texts.in(language)('description') }
      })
    },
    reload: (name) => reloader.reload(name),
    rollBack: (name) => reloader.rollBack(name),
    async disable(name, by, reason) {
      await reloader.disable(name)
      await choices.keep(name, true, by, reason)
      await store.publish(choicesTopic)
    },
    async enable(name, by) {
      await choices.keep(name, false, by)
      await store.publish(choicesTopic)
      return reloader.enable(name)
    },
    commandsFor(ctx: OpsContext): readonly AvailableCommand[] {
      const run = runBehind(ctx)
      return [...run.generation.routes.commands]
        .filter(([word, { name, command }]) => word === name && isUsable(command, run))
        .map(([, route]) => available(run, route))
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    },
    permissionsFor(ctx: OpsContext): readonly HeldPermission[] {
      const run = runBehind(ctx)
      return [...run.generation.routes.permissions.values()]
        .filter(({ name }) => run.can(name))
        .map(({ name, plugin, description }) => {
          const key = `permissions.${name.slice(plugin.length + 1)}`
          const t = run.generation.plugins.get(plugin)?.texts.in(run.language)
          return { name, plugin, description: (t && textOf(t, key)) ?? description }
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

/** A command with those of its subcommands that the person may use. */
function available(run: UpdateRun, { instance, name, command }: CommandRoute): AvailableCommand {
  const t = instance.texts.in(run.language)
  const describe = (path: string, key: string, own: Command): AvailableCommand => ({
    path,
    plugin: instance.name,
    description: t(`${key}.description`),
    usage: usageOf(path, own.args),
    arguments: argumentsOf(own.args).map((argument) => {
      const description = textOf(t, `${key}.args.${argument.name}`)
      return description === undefined ? argument : { ...argument, description }
    }),
    aliases: own.aliases,
    subcommands: Object.entries(own.subcommands).flatMap(([word, sub]) =>
      isUsable(sub, run) ? [describe(`${path} ${word}`, `${key}.${word}`, sub)] : [],
    ),
  })
  return describe(name, `commands.${name}`, command)
}

/** A key that no locale has comes back as it is. */
function textOf(t: (key: string) => string, key: string): string | undefined {
  const text = t(key)
  return text === key ? undefined : text
}
