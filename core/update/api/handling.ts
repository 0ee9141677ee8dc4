import type { Update, UserFromGetMe } from 'telegraf/types'
import type { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Database } from '../../database/connection.ts'
import { isCommitUnknown, isConflict, isDatabaseAway } from '../../database/failure.ts'
import { hasChanges, inTransaction, queriesIn, seal } from '../../database/orm.ts'
import { OpsError } from '../../errors.ts'
import type { HttpCalls } from '../../http/client/client.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { Logger } from '../../log/logger.ts'
import type { Outbox } from '../../outbox/outbox.ts'
import type { ActiveUser } from '../../plugin/access.ts'
import { asPlugin } from '../../plugin/code/owner.ts'
import type { Generation } from '../../plugin/generation/generation.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { HttpRoute } from '../../plugin/manifest/route.ts'
import type { Timings } from '../../plugin/offered/timings.ts'
import { firstIssue } from '../../plugin/run/enqueue.ts'
import { messagesOf } from '../../plugin/run/notify.ts'
import { type PeopleDefaults, UpdateRun } from '../../plugin/run/run.ts'
import type { ContentSender } from '../../plugin/run/sender.ts'
import type { Gateway } from '../../telegram/gateway.ts'
import { untilAborted } from '../deadline.ts'
import { Semaphore } from '../inbox/semaphore.ts'
import { LiveWork } from '../live-work.ts'
import type { Bearer } from './admission.ts'
import { refused } from './answers.ts'

export interface RouteHandlingOptions {
  queue: Pick<JobQueue, 'open' | 'put' | 'sent'>
  calls: HttpCalls
  gateway: Gateway
  sender: ContentSender
  outbox: Pick<Outbox, 'write' | 'wake'>
  database: Database
  botInfo: UserFromGetMe
  defaults: PeopleDefaults
  log: Logger
  clock: Clock
  timings: Pick<Timings, 'time'>
}

/** A request that was let in. */
export interface Admitted {
  readonly generation: Generation
  readonly plugin: PluginInstance
  readonly bearer: Bearer
  readonly controller: AbortController
}

class LiveRequest extends LiveWork {
  get actor(): ActiveUser {
    return this.run.user
  }
}

type RouteHandler = (ctx: LiveWork, request: object) => unknown

/** Runs a route: parses the request, runs the plugin's function, writes what it changed, makes the answer fit. */
export class RouteHandling {
  readonly #options: RouteHandlingOptions
  readonly #commits: Semaphore

  constructor(options: RouteHandlingOptions) {
    this.#options = options
    // as for jobs: half of the connections are left to handlers of updates
    this.#commits = new Semaphore(Math.ceil(options.database.poolMax / 2))
  }

  /**
   * @returns the answer, undefined for none
   * @throws OPS_ROUTE_REQUEST, OPS_ROUTE_RESPONSE, OPS_ROUTE_CONFLICT, OPS_ROUTE_BUSY, OPS_DEADLINE, the reason of the signal; what the route throws
   */
  async run(
    route: HttpRoute,
    given: { params: unknown; query: unknown; body: unknown },
    admitted: Admitted,
  ): Promise<unknown> {
    const { plugin, bearer, controller } = admitted
    const { signal } = controller
    const { schema, deadlineMs } = route
    const request = {
      params: parsed('params', schema.params, given.params),
      query: parsed('query', schema.query, given.query),
      body: parsed('body', schema.body, given.body),
    }
    const run = this.#newRun(route, admitted)
    const late = () =>
      controller.abort(
        new OpsError('OPS_DEADLINE', `The route didn't end within ${deadlineMs / 1_000} s`),
      )
    const cancel = this.#options.clock.after(deadlineMs, late)
    try {
      const context = new LiveRequest(run, plugin, { userId: bearer.user.telegramId })
      let answer: unknown
      // typed where the plugin was written
      const handler = route.run as RouteHandler
      await untilAborted(
        signal,
        this.#options.timings.time(plugin.name, `${route.method} ${route.path}`, () =>
          asPlugin(plugin.name, async () => {
            answer = await handler(context, request)
          }),
        ),
      )
      const fitting = answerOf(route, answer, plugin.name)
      await this.#commit(run).catch(rejectCommit)
      for (const work of run.afterCommit) work()
      return fitting
    } finally {
      cancel()
      // what is changed by a route that was cut off is not written, and not by anything later
      run.commit = 'committed'
      if (run.usedEm !== undefined) seal(run.usedEm)
    }
  }

  /** In one transaction: what the route changed, asked for and wrote to people. */
  async #commit(run: UpdateRun): Promise<void> {
    const { queue, outbox, sender } = this.#options
    const { jobs, notices, usedEm } = run
    run.commit = 'running'
    const writes = usedEm !== undefined && hasChanges(usedEm)
    if (!writes && jobs.length === 0 && notices.length === 0) return
    // its tables may have to be made, which takes a connection of its own
    if (jobs.length > 0) await queue.open()
    await this.#commits.use(() =>
      inTransaction(run.em, async () => {
        const sql = queriesIn(run.em)
        const messages = await messagesOf(notices, sender, sql)
        if (messages.length > 0) await outbox.write(sql, messages)
        if (jobs.length > 0) await queue.put(jobs, sql)
      }),
    )
    if (notices.length > 0) outbox.wake()
    if (jobs.length > 0) queue.sent(jobs)
  }

  #newRun(route: HttpRoute, { generation, plugin, bearer, controller }: Admitted): UpdateRun {
    const { gateway, sender, botInfo, defaults, log, clock, calls } = this.#options
    const { signal } = controller
    const { user, token, may } = bearer
    const run = new UpdateRun({
      // there is none: what asks for it gets the facts below
      update: { update_id: 0 } as Update,
      facts: {
        updateId: 0,
        kind: 'request',
        userId: user.telegramId,
        isEdited: false,
        isForwarded: false,
        lane: `api:${token}`,
      },
      generation,
      telegram: gateway.with({ signal, lane: 'bulk' }),
      botInfo,
      sender,
      defaults,
      chat: undefined,
      clock,
      signal,
      calls,
      commitNow: refuseEarly,
      authEpoch: undefined,
      noDialog: false,
      acceptedAt: performance.now(),
      cancelled: undefined,
      log: log.child({
        plugin: plugin.name,
        route: `${route.method} ${route.path}`,
        userId: user.telegramId,
        tokenId: token,
        generation: generation.id,
      }),
    })
    run.actor = user
    run.admitted = true
    run.may = may
    return run
  }
}

/** Of what was surely not written it is said that it may be sent again. */
function rejectCommit(error: unknown): never {
  if (isCommitUnknown(error)) throw error
  if (isConflict(error)) {
    throw refused('OPS_ROUTE_CONFLICT', 'Somebody else changed the same at the same moment')
  }
  if (isDatabaseAway(error)) throw refused('OPS_ROUTE_BUSY', 'The database is away')
  throw error
}

/** A route has no `ctx.commit`. */
async function refuseEarly(): Promise<never> {
  throw new OpsError('OPS_INTERNAL', 'A request was to be committed early')
}

/** @throws OPS_ROUTE_REQUEST */
function parsed(part: string, schema: z.ZodType | undefined, given: unknown): unknown {
  if (schema === undefined) return {}
  const result = schema.safeParse(given ?? (part === 'body' ? undefined : {}))
  if (result.success) return result.data
  throw refused('OPS_ROUTE_REQUEST', `${part}: ${firstIssue(result.error)}`)
}

/** Only what the schema names leaves. @throws OPS_ROUTE_RESPONSE */
function answerOf({ schema, method, path }: HttpRoute, answer: unknown, plugin: string): unknown {
  if (schema.response === undefined) return answer
  const result = schema.response.safeParse(answer)
  if (result.success) return result.data
  throw new OpsError(
    'OPS_ROUTE_RESPONSE',
    `What ${method} ${path} of plugin ${plugin} answers doesn't fit its schema: ${firstIssue(result.error)}`,
    { cause: result.error, details: { plugin } },
  )
}
