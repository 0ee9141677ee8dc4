import { OpsError } from '../../errors.ts'
import type { Texts, Translate } from '../../i18n/texts.ts'
import type { Store } from '../../store/store.ts'
import { isOwner, type PermissionDeclaration } from '../access.ts'
import type { CommandRoute } from '../generation/routes.ts'
import { argumentsOf, usageOf } from '../manifest/arguments.ts'
import type { Command } from '../manifest/command.ts'
import { isUsable } from '../manifest/usable.ts'
import type { Openings } from '../opening/openings.ts'
import { wordsOf } from '../opening/words.ts'
import type { Reloader } from '../reload/reloader.ts'
import { type OpsContext, runBehind } from '../run/context.ts'
import type { UpdateRun } from '../run/run.ts'
import { choicesTopic } from './choice-news.ts'
import type { PluginChoices } from './choices.ts'
import type { PluginSkew } from './elsewhere.ts'
import { guardOf } from './guard.ts'
import type { PluginHistory } from './history.ts'
import type { AvailableCommand, HeldPermission, Plugins } from './plugins.ts'

export interface CatalogParts {
  readonly reloader: Reloader
  readonly choices: PluginChoices
  /** The people of ADMIN_IDS. */
  readonly ownerIds: readonly number[]
  readonly openings: Openings
  readonly history: PluginHistory
  /** Tells other instances. */
  readonly store: Store
  /** The core's own. */
  readonly texts: Texts
  /** Has other instances do the same; none of them rejects. */
  readonly others: {
    reload(plugin: string): Promise<void>
    rollBack(plugin: string, hash: string): Promise<void>
  }
  readonly elsewhere: () => Promise<readonly PluginSkew[]>
}

/** The core's own service `Plugins`, over the reloader. */
export function createCatalog({
  reloader,
  choices,
  ownerIds,
  openings,
  history,
  store,
  texts,
  others,
  elsewhere,
}: CatalogParts): Plugins {
  return {
    get generation() {
      return reloader.live.current.id
    },
    list(language) {
      const { plugins } = reloader.live.current
      return reloader.list().map((status) => {
        const texts = plugins.get(status.name)?.texts
        const description = texts && textOf(texts.in(language), 'description')
        return description === undefined ? status : { ...status, description }
      })
    },
    async reload(name, by) {
      const outcome = await reloader.reload(name, { why: 'reload', by })
      await others.reload(name)
      return outcome
    },
    async holdersOf(name) {
      const { unapproved, authorizer } = reloader.live.current
      const permission = unapproved.guarded.permissions.get(name)
      return (permission && (await authorizer?.holders?.(permission))) ?? ownerIds
    },
    languages() {
      const { plugins } = reloader.live.current
      const all = [...plugins.values()].flatMap((plugin) => plugin.texts.languages)
      return [...new Set([...texts.languages, ...all])].sort()
    },
    elsewhere,
    async rollBack(name, by) {
      const outcome = await reloader.rollBack(name, by)
      const hash = reloader.live.current.plugins.get(name)?.build.hash
      if (outcome.ok && hash !== undefined) await others.rollBack(name, hash)
      return outcome
    },
    async disable(name, by, reason) {
      await reloader.disable(name, by)
      await choices.keep(name, true, by.telegramId, reason)
      await store.publish(choicesTopic)
    },
    async enable(name, by) {
      await choices.keep(name, false, by.telegramId)
      await store.publish(choicesTopic)
      return reloader.enable(name, by)
    },
    async details(name, language) {
      const plugin = reloader.live.current.plugins.get(name)
      const waiting = openings.of(name)
      return {
        permissions: (plugin?.permissions ?? []).map((permission) => ({
          name: permission.name,
          description: descriptionOf(permission, plugin?.texts.in(language)),
          roles: permission.roles,
        })),
        openings: (waiting?.openings ?? []).map((opening) => ({
          text: wordsOf(opening, texts.in(language)),
          refused: waiting?.refused.has(opening) === true,
        })),
        seal: waiting?.seal,
        history: await history.of(name),
        previous: await reloader.previousHash(name),
        choice: await choices.of(name),
        isProtected: reloader.isProtected(name),
      }
    },
    async decide(ctx, name, decision, seal) {
      const { user } = runBehind(ctx)
      if (!isOwner(user)) {
        throw new OpsError('OPS_OWNER_ONLY', `${user.name} is no owner`, {
          details: { plugin: name },
        })
      }
      return openings.decide(name, decision, user, seal)
    },
    commandsFor(ctx: OpsContext): readonly AvailableCommand[] {
      const run = runBehind(ctx)
      return [...run.routes.commands]
        .filter(([word, { name, command }]) => word === name && isUsable(command, run))
        .map(([, route]) => available(run, route))
        .sort((a, b) => (a.path < b.path ? -1 : 1))
    },
    guardOf: (path) => guardOf(path, reloader.live.current, () => reloader.list()),
    declared(language) {
      const { routes, plugins, unapproved } = reloader.live.current
      return [...routes.permissions.values()]
        .map((permission) => {
          const t = plugins.get(permission.plugin)?.texts.in(language)
          const { roles } = unapproved.guarded.permissions.get(permission.name) ?? permission
          return { ...permission, roles, description: descriptionOf(permission, t) }
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    permissionsFor(ctx: OpsContext): readonly HeldPermission[] {
      const run = runBehind(ctx)
      return [...run.routes.permissions.values()]
        .filter(({ name }) => run.can(name))
        .map((permission) => {
          const { name, plugin } = permission
          const t = run.generation.plugins.get(plugin)?.texts.in(run.language)
          return { name, plugin, description: descriptionOf(permission, t) }
        })
        .sort((a, b) => (a.name < b.name ? -1 : 1))
    },
  }
}

function descriptionOf(
  { name, plugin, description }: PermissionDeclaration,
  t: Translate | undefined,
): string {
  const key = `permissions.${name.slice(plugin.length + 1)}`
  return (t && textOf(t, key)) ?? description
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
