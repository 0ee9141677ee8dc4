import { type ApiCallsApi, bold, type Html, html, type OpsContext } from 'opsgram'

/** How calls to each service went within so many hours. */
export async function list(
  ctx: Pick<OpsContext, 't' | 'language' | 'timeZone' | 'now'> & {
    readonly use: { readonly calls: ApiCallsApi }
  },
  hours: number,
): Promise<Html | string> {
  const { t, use, language, timeZone } = ctx
  const since = new Date(ctx.now().getTime() - hours * 3_600_000)
  const services = await use.calls.statistics(since)
  if (services.length === 0) return t('none', { hours })
  const lines = services.map(({ service, calls, errors, p50, p95, lastAt, lastError }) => {
    const when = lastAt.toLocaleString(language, {
      timeZone,
      dateStyle: 'short',
      timeStyle: 'short',
    })
    const error = errors > 0 && ` · ${t('lastError', { error: lastError })}`
    return html`\n\n${errors > 0 ? '🔸' : '🔹'} ${bold(service)}\n${t('line', { calls, errors, p50, p95, when })}${error}`
  })
  return html`${t('title', { hours })}${lines}`
}
