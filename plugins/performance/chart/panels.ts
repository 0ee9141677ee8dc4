import type { Translate } from 'opsgram'
import type { History, Point } from '../history.ts'
import { inMs } from '../slow.ts'
import type { Colours } from './theme.ts'

/** One line, or bars, of a panel. */
export interface Series {
  readonly label: string
  readonly colour: string
  readonly as: 'line' | 'bar'
  readonly points: readonly { readonly x: number; readonly y: number | null }[]
}

export interface Panel {
  readonly title: string
  /** What its numbers are, as a person reads them. */
  readonly format: (value: number) => string
  readonly series: readonly Series[]
  /** The axis reaches at least so high: a quiet hour shall not look like a storm. */
  readonly atLeast: number
}

/** What a picture of the last hours shows, from top to bottom. */
export function panelsOf(
  { points }: History,
  { t, language, colours }: { t: Translate; language: string; colours: Colours },
): readonly Panel[] {
  const number = new Intl.NumberFormat(language, { maximumFractionDigits: 1, notation: 'compact' })
  const series = (
    name: string,
    colour: string,
    value: (point: Point) => number | undefined,
    as: Series['as'] = 'line',
  ): Series => ({
    label: t(`chart.${name}`),
    colour,
    as,
    points: points.map((point) => ({ x: point.at.getTime(), y: value(point) ?? null })),
  })
  return [
    {
      title: t('chart.updates'),
      format: (value) => number.format(value),
      atLeast: 4,
      series: [
        series(
          'done',
          colours.blue,
          ({ perMinute, failedPerMinute }) => perMinute - failedPerMinute,
          'bar',
        ),
        series('failed', colours.red, ({ failedPerMinute }) => failedPerMinute, 'bar'),
      ],
    },
    {
      title: t('chart.handlers'),
      format: (value) => inMs(value, language),
      atLeast: 10,
      series: [
        series('p95', colours.orange, ({ p95 }) => p95),
        series('p50', colours.teal, ({ p50 }) => p50),
      ],
    },
    {
      title: t('chart.lag'),
      format: (value) => inMs(value, language),
      atLeast: 20,
      series: [series('p99', colours.violet, ({ lagMs }) => lagMs)],
    },
    {
      title: t('chart.memory'),
      format: (value) => t('mib', { count: Math.round(value).toLocaleString(language) }),
      atLeast: 100,
      series: [
        series('rss', colours.blue, ({ rssMib }) => rssMib),
        series('heap', colours.teal, ({ heapMib }) => heapMib),
      ],
    },
  ]
}
