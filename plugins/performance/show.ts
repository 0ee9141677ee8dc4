import {
  type ActiveUser,
  BotUser,
  type Button,
  buttons,
  type Html,
  type JobsApi,
  type OpsContext,
  type OverviewApi,
  type TimingsApi,
} from 'opsgram'
import type { Theme } from './chart/theme.ts'
import { PerformanceView } from './entities.ts'
import { historyOf, type Range, ranges } from './history.ts'
import { pictureOf } from './picture.ts'
import { slowest, slowList } from './slow.ts'
import { statusOf, statusText } from './status.ts'

/** What the screens need of a handler's context. */
export type Showing = OpsContext & {
  readonly actor: ActiveUser
  readonly use: {
    readonly overview: OverviewApi
    readonly timings: TimingsApi
    readonly jobs: JobsApi
  }
  button(
    action: 'show' | 'paint' | 'slow',
    data: object,
    options?: { readonly label?: string },
  ): Button
}

interface View {
  readonly hours: Range
  readonly theme: Theme
}

/** The theme that somebody chose last. */
export async function themeOf({ em, actor }: Showing): Promise<Theme> {
  const view = await em.findOne(PerformanceView, { user: actor.id })
  return view?.theme ?? 'light'
}

export async function chooseTheme({ em, actor }: Showing, theme: Theme): Promise<void> {
  const view = await em.findOne(PerformanceView, { user: actor.id })
  if (view !== null) view.theme = theme
  else em.create(PerformanceView, { user: em.getReference(BotUser, actor.id), theme })
}

/** Sends how the bot is, or shows it in place of what was pressed. */
export async function show(ctx: Showing, view: View, mode: 'send' | 'edit'): Promise<void> {
  const { use, em, t } = ctx
  const now = ctx.now()
  const { bounds } = use.timings
  const history = await historyOf(em, { hours: view.hours, now, bounds })
  const status = await statusOf(use.overview, () => waitingJobs(use.jobs), now)
  const caption = String(statusText(status, history, view.hours, ctx))
  const reply_markup = await ctx.keyboard(keys(ctx, view))
  let picture: Buffer
  try {
    picture = await pictureOf(history, view, ctx)
  } catch (error) {
    // the text is what matters; there may be no build of the canvas for this machine
    ctx.log.warn('performance.no-picture', { error })
    const text = `${caption}\n${t('status.noPicture')}`
    if (mode === 'edit') await ctx.editMessageCaption(text, { parse_mode: 'HTML', reply_markup })
    else await ctx.reply(text, { parse_mode: 'HTML', reply_markup })
    return
  }
  const source = { source: picture, filename: 'status.png' }
  const extra = { caption, parse_mode: 'HTML' as const }
  if (mode === 'send') await ctx.replyWithPhoto(source, { ...extra, reply_markup })
  else await ctx.editMessageMedia({ type: 'photo', media: source, ...extra }, { reply_markup })
}

async function waitingJobs(jobs: JobsApi): Promise<number> {
  const kinds = await jobs.kinds()
  return kinds.reduce((sum, { waiting }) => sum + waiting, 0)
}

function keys(ctx: Showing, { hours, theme }: View) {
  const { t } = ctx
  const range = (of: Range) => {
    const label = t('keys.hours', { hours: of })
    return ctx.button(
      'show',
      { hours: of, theme },
      { label: of === hours ? `· ${label} ·` : label },
    )
  }
  const other = theme === 'light' ? 'dark' : 'light'
  return buttons(ranges.map(range), [
    ctx.button('show', { hours, theme }, { label: t('keys.again') }),
    ctx.button('paint', { hours, theme: other }, { label: t(`keys.${other}`) }),
    ctx.button('slow', { hours }, { label: t('keys.slow') }),
  ])
}

/** What took longest in the last hours. */
export async function slow(ctx: Showing, hours: number): Promise<Html | string> {
  const since = new Date(ctx.now().getTime() - hours * 3_600_000)
  const { bounds } = ctx.use.timings
  return slowList(await slowest(ctx.em, { since, bounds }), hours, ctx)
}
