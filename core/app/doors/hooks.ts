import type { FastifyInstance, FastifyReply } from 'fastify'
import { codeOf, OpsError } from '../../errors.ts'
import type { BackgroundMetrics } from '../../http/metrics/background.ts'
import { refuse } from '../../http/refusal.ts'
import type { Logger } from '../../log/logger.ts'
import type { HookIntake } from '../../update/hooks/intake.ts'

/** What a refusal is answered with. */
const statuses: ReadonlyMap<string, number> = new Map([
  ['OPS_HOOK_UNKNOWN', 404],
  ['OPS_HOOK_AWAY', 404],
  ['OPS_HOOK_REFUSED', 401],
  ['OPS_HOOK_BODY', 400],
  ['OPS_JOB_DATA', 413],
  ['OPS_HOOK_FLOOD', 429],
])

/** Serves `POST /hooks/:plugin/:hook`: 202 once it is durable, 200 for what was taken before. */
export function serveHooks(
  http: FastifyInstance,
  parts: { intake: HookIntake; measured: Pick<BackgroundMetrics, 'hookAnswered'>; log: Logger },
): void {
  const { intake, measured, log } = parts
  void http.register(async (hooks) => {
    hooks.removeAllContentTypeParsers()
    // signatures are of bytes
    hooks.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    hooks.post<{ Params: { plugin: string; hook: string } }>(
      '/hooks/:plugin/:hook',
      async (request, reply) => {
        const { plugin, hook } = request.params
        const began = performance.now()
        const tell = (outcome: string) => {
          // names of what isn't there are made up by whoever asks
          const [owner, name] = outcome === 'unknown' ? ['none', 'none'] : [plugin, hook]
          measured.hookAnswered(owner, name, outcome, performance.now() - began)
        }
        const headers = Object.fromEntries(
          Object.entries(request.headers).map(([name, value]) => [name, String(value ?? '')]),
        )
        const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
        try {
          const taken = await intake.take({ plugin, hook, headers, body, ip: request.ip })
          tell(taken.how === 'duplicate' ? 'known' : 'taken')
          if (taken.how === 'duplicate') return reply.code(200).send({ status: 'known' })
          return reply.code(202).send({ status: 'taken', job: taken.job })
        } catch (error) {
          tell(outcomeOf(error))
          return answer(reply, error, log)
        }
      },
    )
  })
}

/** `unknown`, `away`, `refused`, `body`, `flood`, `too-large`, `not-stored`. */
function outcomeOf(error: unknown): string {
  const code = error instanceof OpsError && statuses.has(error.code) ? error.code : undefined
  if (code === undefined) return 'not-stored'
  return code === 'OPS_JOB_DATA' ? 'too-large' : code.slice('OPS_HOOK_'.length).toLowerCase()
}

function answer(reply: FastifyReply, error: unknown, log: Logger): FastifyReply {
  const status = error instanceof OpsError ? statuses.get(error.code) : undefined
  if (status === undefined || !(error instanceof OpsError)) {
    log.error('hook.not-stored', { error, code: codeOf(error) })
    reply.header('retry-after', '2')
    return refuse(reply, 503, 'OPS_HOOK_NOT_STORED')
  }
  if (status === 429) {
    const waitMs = Number(error.details?.waitMs ?? 1_000)
    reply.header('retry-after', String(Math.max(1, Math.ceil(waitMs / 1_000))))
  }
  // who can't prove who they are learns nothing
  const detail = status === 401 ? {} : { detail: error.message }
  return refuse(reply, status, error.code, detail)
}
