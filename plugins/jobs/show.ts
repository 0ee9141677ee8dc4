import {
  code,
  type DeadJobDetails,
  type Html,
  html,
  type JobKind,
  type JobsApi,
  type OpsContext,
  pre,
  type RunningJob,
} from 'opsgram'

const perList = 10
/** Of data and of an error so much is shown. */
const shown = 1_000

type Speaking = Pick<OpsContext, 't' | 'language' | 'timeZone'>

/** How many there are of each kind, what runs, and the newest dead ones. */
export async function list(
  ctx: Speaking & { readonly use: { readonly jobs: JobsApi } },
): Promise<Html | string> {
  const { t, use } = ctx
  const kinds = await use.jobs.kinds()
  if (kinds.length === 0) return t('none')
  const running = await use.jobs.running(perList)
  const { jobs: dead, total } = await use.jobs.dead(perList)
  return html`${kinds.map((kind) => html`${kindLine(kind, ctx)}\n`)}${
    running.length > 0 && html`\n${t('running')}\n${running.map((job) => runningLine(job, ctx))}`
  }${
    total > 0 &&
    html`\n${t('dead', { count: total })}\n${dead.map((job) => deadLine(job, ctx))}\n${t('more')}`
  }`
}

function kindLine(kind: JobKind, { t }: Speaking) {
  const { plugin, job, live, held, cron, waiting, running, dead } = kind
  const counts = t('counts', { waiting, running, dead })
  return html`${code(`${plugin}.${job}`)} ${cron !== undefined && `⏰ ${cron} `}· ${counts}${
    !live && waiting > 0 && ` · ${t('parked')}`
  }${held && ` · ⏸ ${t('held')}`}`
}

function runningLine(
  { plugin, job, attempt, startedAt, share, text }: RunningJob,
  ctx: Speaking,
): Html {
  const facts = [
    ctx.t('since', { when: timeOf(startedAt, ctx) }),
    attempt > 1 && ctx.t('attempt', { count: attempt }),
    share !== undefined && `${Math.round(share * 100)} %`,
    text,
  ]
  return html`${code(`${plugin}.${job}`)} · ${facts.filter(Boolean).join(' · ')}\n`
}

function deadLine({ errorId, plugin, job, diedAt, message }: DeadJobDetails, ctx: Speaking): Html {
  const [first = ''] = message.split('\n')
  return html`${code(errorId)} · ${plugin}.${job} · ${timeOf(diedAt, ctx)} · ${first.slice(0, 80)}\n`
}

/** A dead one with all that is known. */
export function card(job: DeadJobDetails, ctx: Speaking): Html {
  const { t } = ctx
  const facts = [
    t('card.created', { when: timeOf(job.createdAt, ctx) }),
    t('card.died', { when: timeOf(job.diedAt, ctx), count: job.attempts }),
    job.askedBy !== undefined && t('card.askedBy', { person: job.askedBy }),
  ]
  return html`${code(job.errorId)} · ${job.plugin}.${job.job}
${facts.filter(Boolean).join('\n')}
${pre(job.data.slice(0, shown))}
${pre(`${job.code}: ${job.message}`.slice(0, shown))}`
}

function timeOf(at: Date, { language, timeZone }: Speaking): string {
  return at.toLocaleString(language, { timeZone, dateStyle: 'medium', timeStyle: 'short' })
}
