import type { OpsContext, PluginHealth, PluginStatus, Translate } from 'opsgram'

/** Yellow: an older version goes on serving, because the newest save could not be loaded. */
export function icon({ state, lastReload }: PluginStatus): string {
  if (state === 'disabled') return '⚪'
  if (state === 'failed') return '🔴'
  if (state === 'waiting') return '⏳'
  if (state === 'quarantined') return '⛔'
  return lastReload?.ok === false ? '🟡' : '🟢'
}

/** Its state in words; of a waiting one also what for, of a quarantined one why. */
export function stateOf(
  { state, waitingFor, quarantine }: PluginStatus,
  t: OpsContext['t'],
): string {
  return t(`state.${state}`, { for: waitingFor?.join(', '), ...quarantine })
}

/**
 * When it was last loaded and how that ended, in a line.
 *
 * @param isOneOfMany it came with others in one transaction, whose time is none of its own
 */
export function lastReload(
  { lastReload }: PluginStatus,
  { t, language }: Pick<OpsContext, 't' | 'language'>,
  isOneOfMany = false,
): string | undefined {
  if (lastReload === undefined) return undefined
  const when = ago(lastReload.at, language)
  if (lastReload.ok && isOneOfMany) return t('last.together', { when })
  if (lastReload.ok) return t('last.done', { when, took: inMs(lastReload.ms, language) })
  const [line] = (lastReload.message ?? '').split('\n')
  return t('last.failed', { when, code: lastReload.code, line })
}

/** `863 ms`, `1.6 ms`, as the reader's language writes it. */
export function inMs(ms: number, language: string): string {
  return ms.toLocaleString(language, {
    style: 'unit',
    unit: 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: ms < 10 ? 1 : 0,
  })
}

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const

/** `3 minutes ago` */
export function ago(at: Date, language: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.round((now - at.getTime()) / 1000))
  const [unit, size] = units.find(([, size]) => seconds >= size) ?? units[3]
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  return format.format(-Math.floor(seconds / size), unit)
}

/** What a health check last found, with its code and its own words. */
export function healthLine({ check, state }: PluginHealth, t: Translate): string {
  const { status = 'unknown', code, detail } = state ?? {}
  const told = [code, detail].filter((part) => part !== undefined).join(': ')
  return t(`health.${status}`, { check, detail: told }).trimEnd()
}
