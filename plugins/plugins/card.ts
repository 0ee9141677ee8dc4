import { bold, type Html, html, type OpsContext, type PluginStatus, pre } from 'opsgram'
import { ago, healthLine, icon, lastReload, stateOf } from './status.ts'

/** One plugin in detail; after a failure also its error, the place and what to do. */
export function card(
  status: PluginStatus,
  ctx: Pick<OpsContext, 't' | 'language' | 'timeZone'>,
): Html {
  const { t, language, timeZone } = ctx
  const { name, version, description, since, generation, draining } = status
  const failure = status.lastReload?.ok === false ? status.lastReload : undefined
  const error = failure && [`${failure.code}: ${failure.message}`, failure.frame]
  const lines = [
    t('card.state', {
      state: stateOf(status, t),
      since: since.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' }),
    }),
    generation !== undefined && t('card.generation', { generation }),
    ...(status.health ?? []).map((health) => healthLine(health, t)),
    draining > 0 && t('draining', { count: draining }),
    failure === undefined
      ? lastReload(status, ctx)
      : t('card.failed', { when: ago(failure.at, language) }),
  ]
  return html`${icon(status)} ${bold(`${name} ${version ?? ''}`)}
${description && `${description}\n`}
${lines.filter(Boolean).join('\n')}
${error && html`${pre(error.filter(Boolean).join('\n\n'))}\n${failure?.hint}`}`
}
