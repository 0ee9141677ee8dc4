import {
  type ActiveUser,
  AuditEntry,
  bold,
  code,
  type Html,
  html,
  type LevelChoice,
  type LogLevel,
  type LogsApi,
  type OpsContext,
  type PluginsApi,
} from 'opsgram'

type Asking = Pick<OpsContext, 't' | 'em' | 'facts' | 'now' | 'language' | 'timeZone'> & {
  readonly actor: ActiveUser
  readonly use: { readonly logs: LogsApi; readonly plugins: PluginsApi }
}

/** How people name what holds for all plugins without a level of their own. */
const everything = 'all'

/** What is logged now, and who wanted it so. */
export function show(ctx: Asking): Html {
  const { t, use } = ctx
  const { preset, choices } = use.logs.levels()
  const base = choices.find(({ plugin }) => plugin === undefined)
  const own = choices.filter(({ plugin }) => plugin !== undefined)
  return html`${t('level.all')} ${bold(base?.level ?? preset)}${
    base === undefined ? ` · ${t('level.preset')}` : ` · ${whoOf(base, ctx)}`
  }${own.map((choice) => html`\n${code(choice.plugin ?? '')} ${bold(choice.level)} · ${whoOf(choice, ctx)}`)}

${t('level.help')}`
}

/** Holds at once, on all instances. @returns what came of it */
export async function choose(
  ctx: Asking,
  wanted: { level: LogLevel; plugin: string | undefined; forMs: number | undefined },
): Promise<Html | string> {
  const { actor, use } = ctx
  const plugin = wanted.plugin === everything ? undefined : wanted.plugin
  if (!isKnown(plugin, use.plugins)) return ctx.t('level.unknown', { plugin })
  const before = levelOf(use.logs, plugin)
  const until =
    wanted.forMs === undefined ? undefined : new Date(ctx.now().getTime() + wanted.forMs)
  await use.logs.choose({
    ...(plugin !== undefined && { plugin }),
    ...(until !== undefined && { until }),
    level: wanted.level,
    by: actor.telegramId,
    name: actor.name,
  })
  record(ctx, { plugin, before, after: wanted.level, until })
  return show(ctx)
}

/** As if nobody had decided anything. */
export async function reset(ctx: Asking, named: string | undefined): Promise<Html> {
  const plugin = named === everything ? undefined : named
  const before = levelOf(ctx.use.logs, plugin)
  // of a plugin that is gone too
  await ctx.use.logs.forget(plugin)
  record(ctx, { plugin, before, after: levelOf(ctx.use.logs, plugin), until: undefined })
  return show(ctx)
}

function record(
  { em, actor, facts }: Asking,
  change: {
    plugin: string | undefined
    before: LogLevel
    after: LogLevel
    until: Date | undefined
  },
): void {
  const { plugin, before, after, until } = change
  em.create(AuditEntry, {
    actorId: actor.telegramId,
    actorName: actor.name,
    plugin: 'logs',
    action: 'logs.level',
    target: plugin === undefined ? 'log' : `plugin:${plugin}`,
    chatId: facts.chatId ?? null,
    outcome: 'done',
    before: { level: before },
    after: { level: after, ...(until && { until: until.toISOString() }) },
  })
}

function isKnown(plugin: string | undefined, plugins: PluginsApi): boolean {
  return plugin === undefined || plugins.list().some(({ name }) => name === plugin)
}

function levelOf(logs: LogsApi, plugin: string | undefined): LogLevel {
  const { preset, choices } = logs.levels()
  const of = (name: string | undefined) => choices.find((choice) => choice.plugin === name)?.level
  return of(plugin) ?? of(undefined) ?? preset
}

function whoOf({ name, until }: LevelChoice, { t, language, timeZone }: Asking): string {
  if (until === undefined) return t('level.by', { name })
  const when = until.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
  return t('level.byUntil', { name, when })
}
