import {
  bold,
  type Html,
  html,
  type MaintenanceApi,
  type OpsContext,
  type PluginsApi,
} from 'opsgram'
import { wordsOf } from './maintenance.ts'
import { icon, lastReload, stateOf } from './status.ts'

/** Whether the bot is paused; all plugins, one or two lines each; then which instances run something else. */
export async function list(
  { plugins, maintenance }: { readonly plugins: PluginsApi; readonly maintenance: MaintenanceApi },
  ctx: Pick<OpsContext, 't' | 'language'>,
): Promise<Html> {
  const { t } = ctx
  const others = (await plugins.elsewhere()).map(({ host, pid, coreVersion, ...skew }) => {
    const differing = [...(skew.isOtherCore ? [`opsgram ${coreVersion}`] : []), ...skew.plugins]
    const plugins = skew.quarantined.join(', ')
    return [
      differing.length > 0 && html`\n⚠️ ${t('skew', { host, pid, plugins: differing.join(', ') })}`,
      plugins !== '' && html`\n⛔ ${t('quarantinedThere', { host, pid, plugins })}`,
    ]
  })
  const all = plugins.list()
  const loads = Map.groupBy(all, (status) => status.lastReload?.ms)
  const entries = all.map((status) => {
    const facts = [
      status.version,
      status.generation && t('generation', { generation: status.generation }),
      status.state !== 'active' && stateOf(status, t),
      status.draining > 0 && t('draining', { count: status.draining }),
    ]
    const isOneOfMany = (loads.get(status.lastReload?.ms) ?? []).length > 1
    const reloaded = lastReload(status, ctx, isOneOfMany)
    return html`${icon(status)} ${bold(status.name)} ${facts.filter(Boolean).join(' · ')}
${reloaded && `      ${reloaded}\n`}`
  })
  const { current } = maintenance
  const paused = current && html`⏸ ${t('pause.shown', wordsOf(current, ctx))}\n\n`
  return html`${paused}${bold(t('title', { generation: plugins.generation }))}

${entries}
${t('more')}${others}`
}
