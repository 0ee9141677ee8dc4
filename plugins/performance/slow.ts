import { bold, code, type EntityManager, type Html, html, type OpsContext } from 'opsgram'
import { addUp } from './history.ts'
import { quantile } from './quantile.ts'

export interface Slow {
  readonly kind: 'handler' | 'query'
  /** Undefined: the core. */
  readonly plugin: string | undefined
  readonly name: string
  readonly count: number
  readonly failed: number
  readonly maxMs: number
  readonly p50: number
  readonly p95: number
}

interface Row {
  kind: Slow['kind']
  plugin: string | null
  name: string
  bucket: number
  sum: number
}

/** Of each kind so many are shown. */
const shown = 8
/** A statement on a phone. */
const longestName = 90

/** What took longest since a time: 95 % of it took at most so long. */
export async function slowest(
  em: EntityManager,
  { since, bounds }: { since: Date; bounds: readonly number[] },
): Promise<readonly Slow[]> {
  const from = [since.toISOString()]
  const totals = await em.execute<
    (Pick<Row, 'kind' | 'plugin' | 'name'> & { count: number; failed: number; max: number })[]
  >(
    `select kind, plugin, name, sum(count)::int as count, sum(failed)::int as failed, max(max_ms) as max
       from performance_timings where at > ? group by 1, 2, 3`,
    from,
  )
  const rows = await em.execute<Row[]>(
    `select kind, plugin, name, key::int as bucket, sum(value::int)::int as sum
       from performance_timings, jsonb_each_text(buckets) where at > ? group by 1, 2, 3, 4`,
    from,
  )
  const keyOf = ({ kind, plugin, name }: Pick<Row, 'kind' | 'plugin' | 'name'>) =>
    JSON.stringify([kind, plugin, name])
  const counts = Map.groupBy(rows, keyOf)
  return totals
    .map((total): Slow => {
      const { kind, plugin, name, count, failed, max } = total
      const own = counts.get(keyOf(total)) ?? []
      const buckets = addUp(own.map(({ bucket, sum }) => ({ bucket, count: sum })))
      // a bucket may reach beyond the slowest in it
      const at = (share: number) => Math.min(quantile(share, buckets, bounds) ?? 0, max)
      const rest = { maxMs: max, p50: at(0.5), p95: at(0.95) }
      return { kind, plugin: plugin ?? undefined, name, count, failed, ...rest }
    })
    .toSorted((a, b) => b.p95 - a.p95)
}

/** The list as a person reads it. */
export function slowList(
  all: readonly Slow[],
  hours: number,
  { t, language }: Pick<OpsContext, 't' | 'language'>,
): Html | string {
  if (all.length === 0) return t('slow.none', { hours })
  const part = (kind: Slow['kind']) => {
    const own = all.filter((slow) => slow.kind === kind).slice(0, shown)
    if (own.length === 0) return ''
    const lines = own.map((slow) => {
      const name =
        slow.name.length > longestName ? `${slow.name.slice(0, longestName)}…` : slow.name
      const whose = slow.plugin ?? t('slow.core')
      const figures = t('slow.line', {
        p50: inMs(slow.p50, language),
        p95: inMs(slow.p95, language),
        count: slow.count.toLocaleString(language),
        failed: slow.failed,
      })
      const failed = slow.failed > 0 ? ` · ${t('slow.failed', { count: slow.failed })}` : ''
      return kind === 'handler'
        ? html`\n${bold(whose)} ${name}: ${figures}${failed}`
        : html`\n${bold(whose)} ${figures}${failed}\n${code(name)}`
    })
    return html`\n\n${bold(t(`slow.${kind}`))}${lines}`
  }
  return html`${t('slow.title', { hours })}${part('handler')}${part('query')}`
}

/** `0.4 ms`, `12 ms`, `1.5 s`, in a person's language. */
export function inMs(ms: number, language: string): string {
  const isLong = ms >= 1_000
  const value = isLong ? ms / 1_000 : ms
  return value.toLocaleString(language, {
    style: 'unit',
    unit: isLong ? 'second' : 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: value < 10 ? 1 : 0,
  })
}
