import type { OpsContext } from 'opsgram'
import { draw } from './chart/draw.ts'
import { panelsOf } from './chart/panels.ts'
import { colours, type Theme } from './chart/theme.ts'
import { axisTimes } from './chart/times.ts'
import type { History, Range } from './history.ts'

/** The last hours as a PNG, in a person's language and time. */
export function pictureOf(
  history: History,
  { hours, theme }: { hours: Range; theme: Theme },
  { t, language, timeZone }: Pick<OpsContext, 't' | 'language' | 'timeZone'>,
): Promise<Buffer> {
  const { from, to } = history
  return draw({
    panels: panelsOf(history, { t, language, colours: colours[theme] }),
    colours: colours[theme],
    from: from.getTime(),
    to: to.getTime(),
    times: axisTimes({ hours, from, to }, { language, timeZone }),
  })
}
