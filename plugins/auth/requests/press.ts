import { type Content, type CoreSettings, edit, type OpsContext } from 'opsgram'
import { type Asking, ask } from './ask.ts'
import type { Requests } from './requests.ts'

type Pressing = Asking &
  Pick<OpsContext, 't' | 'commit' | 'answerCbQuery'> & {
    readonly use: { readonly settings: Pick<CoreSettings, 'access'> }
    readonly plugin: { readonly requests: Pick<Requests, 'show'> }
  }

/** A stranger pressed "request access". @returns what becomes of the message; undefined: it stays */
export async function pressRequest(ctx: Pressing): Promise<Content | undefined> {
  const { use, t } = ctx
  if (use.settings.access !== 'request') return edit(t('requests.off'))
  const verdict = await ask(ctx)
  if (verdict.kind === 'asked') {
    // the card is news of a request that is there: what doesn't reach it now is shown within a minute
    await ctx.commit()
    await ctx.plugin.requests.show()
    return edit(t('requests.sent'))
  }
  if (verdict.kind === 'blocked') return undefined
  const days = 'at' in verdict ? Math.ceil((verdict.at - ctx.now().getTime() / 1000) / 86_400) : 0
  await ctx.answerCbQuery(t(`requests.answer.${verdict.kind}`, { count: days }))
  return undefined
}
