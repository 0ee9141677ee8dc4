import {
  bold,
  code,
  type Html,
  html,
  type OpsContext,
  type PluginDetails,
  type PluginStatus,
  pre,
} from 'opsgram'
import { ago, healthLine, icon, inMs, lastReload, stateOf } from './status.ts'

type Reader = Pick<OpsContext, 't' | 'language' | 'timeZone'>

/** One plugin in detail; after a failure also its error, the place and what to do. */
export function card(status: PluginStatus, details: PluginDetails, reader: Reader): Html {
  const { t } = reader
  const { name, version, description } = status
  const failure = status.lastReload?.ok === false ? status.lastReload : undefined
  const error = failure && [`${failure.code}: ${failure.message}`, failure.frame]
  return html`${icon(status)} ${bold(`${name} ${version ?? ''}`)}
${description && `${description}\n`}
${standing(status, details, reader).join('\n')}
${error && html`${pre(error.filter(Boolean).join('\n\n'))}\n${failure?.hint}\n`}${openingsOf(details, t)}${permissionsOf(details, t)}`
}

/** State with since when and why, and what serves. */
function standing(
  status: PluginStatus,
  { choice }: PluginDetails,
  reader: Reader,
): readonly string[] {
  const { t, language } = reader
  const { since, generation, draining, lastReload: last } = status
  const lines = [
    t('card.state', { state: stateOf(status, t), since: timeOf(since, reader) }),
    choice !== undefined &&
      status.state === 'disabled' &&
      t('card.switchedOff', { by: choice.name ?? choice.by, when: ago(choice.at, language) }),
    choice?.reason && t('card.reason', { reason: choice.reason }),
    generation !== undefined && t('card.generation', { generation }),
    ...(status.health ?? []).map((health) => healthLine(health, t)),
    draining > 0 && t('draining', { count: draining }),
    last?.ok === false
      ? t('card.failed', { when: ago(last.at, language) })
      : lastReload(status, reader),
  ]
  return lines.filter((line) => typeof line === 'string' && line !== '') as string[]
}

function openingsOf({ openings }: PluginDetails, t: OpsContext['t']): Html | undefined {
  if (openings.length === 0) return undefined
  const isRefused = openings.every(({ refused }) => refused)
  return html`
${bold(t(isRefused ? 'card.keptClosed' : 'card.waitsForApproval'))}
${openings.map(({ text }) => `• ${text}\n`)}`
}

function permissionsOf({ permissions }: PluginDetails, t: OpsContext['t']): Html | undefined {
  if (permissions.length === 0) return undefined
  const rolesOf = (roles: readonly string[]) =>
    roles.length === 0 ? t('card.ownersAlone') : roles.map((role) => t(`role.${role}`)).join(', ')
  return html`
${bold(t('card.permissions'))}
${permissions.map(
  ({ name, description, roles }) => html`• ${code(name)}: ${description} (${rolesOf(roles)})\n`,
)}`
}

/** What became of a plugin, newest first. */
export function historyOf(name: string, { history }: PluginDetails, reader: Reader): Html {
  const { t } = reader
  const entries = history.map((event) => {
    const { action, by, cause, before, after, ms } = event
    const who = by ?? (cause === undefined ? undefined : t(`cause.${cause}`))
    const versions = [before, after].filter((hash) => hash !== undefined).map(shortOf)
    const facts = [versions.join(' → '), ms === undefined ? '' : inMs(ms, reader.language), who]
    return html`${timeOf(event.at, reader)} ${bold(t(`event.${action}`))}${
      event.code !== undefined && html` ${code(event.code)}`
    }
      ${facts.filter(Boolean).join(' · ')}
`
  })
  return html`${bold(t('history.title', { name }))}

${entries.length === 0 ? t('history.none') : entries}`
}

/** Enough of a hash to tell versions apart. */
export function shortOf(hash: string): string {
  return hash.slice(0, 7)
}

function timeOf(at: Date, { language, timeZone }: Reader): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
