import { BotUser, type CoreSettings, type OpsContext, type PluginsApi } from 'opsgram'

/** What comes with the bot: any other plugin is the team's own. */
export const bundled: ReadonlySet<string> = new Set([
  'api',
  'auth',
  'dead',
  'groups',
  'jobs',
  'logging',
  'logs',
  'outbox',
  'performance',
  'plugins',
  'preferences',
  'privacy',
  'start',
  'worklog',
])

/** The first steps of an owner, each ticked or not by how things are now. */
export async function checklist(
  ctx: OpsContext,
  use: { plugins: PluginsApi; settings: CoreSettings },
): Promise<string> {
  const { em, t } = ctx
  const live = use.plugins.list().filter(({ state }) => state === 'active')
  const active = await em.count(BotUser, { status: 'active' })
  const usages = new Map(
    use.plugins
      .commandsFor(ctx)
      .flatMap((command) => [command, ...command.subcommands])
      .map(({ path, usage }) => [path, usage]),
  )
  const addColleague = usages.get('users add')
  const steps = [
    step(true, t('checklist.running', { count: live.length })),
    step(true, t('checklist.owner')),
    addColleague && step(active > 1, t('checklist.colleague', { usage: addColleague })),
    usages.has('log') && step(false, t('checklist.log')),
    step(
      live.some(({ name }) => !bundled.has(name)),
      t('checklist.plugin'),
    ),
    use.settings.playground && step(false, t('checklist.token')),
  ]
  return [t('checklist.title'), ...steps.filter((line) => typeof line === 'string')].join('\n')
}

function step(done: boolean, text: string): string {
  return `${done ? '✅' : '▫️'} ${text}`
}
