import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Clock } from '../../clock.ts'
import { Batcher } from '../../database/batcher.ts'
import type { Database } from '../../database/connection.ts'
import { prune } from '../../database/prune.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { JobRequest } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import { Tally } from '../../log/tally.ts'
import { firstIssue, jobRequest } from '../../plugin/enqueue.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { Live } from '../../plugin/generation/live.ts'
import { type Hook, hookJob } from '../../plugin/manifest/hook.ts'
import type { Store } from '../../store/store.ts'

export interface IntakeOptions {
  live: Live
  queue: JobQueue
  database: Database
  store: Pick<Store, 'take'>
  clock: Clock
  log: Logger
}

/** A request to a hook. */
export interface HookCall {
  readonly plugin: string
  readonly hook: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  /** Where it comes from, for the log. */
  readonly ip: string
}

/** `duplicate`: it was taken before. */
export type Taken = { readonly how: 'taken'; readonly job: string } | { readonly how: 'duplicate' }

interface Delivery {
  readonly plugin: string
  readonly hook: string
  /** The sender's id, else what the body is. */
  readonly key: string
  readonly job: JobRequest
  isNew: boolean
}

/** The same delivery, or the same body where the sender names none, counts once within this time. */
const replayWindow = '10 minutes'
const keepMs = 86_400_000
const mostAtOnce = 200
const longestKey = 200
/** A flood of one sender: so many at once, and then so many a second. */
const flood = { capacity: 2_000, perSecond: 1_000 }

/**
 * Takes what other programs send to hooks of live plugins: checked for who sends it, on the bytes as they came, and made durable
 * as a job, once.
 */
export class HookIntake {
  readonly #options: IntakeOptions
  readonly #taking: Batcher<Delivery>
  /** By hook: who sends without proof must not fill the log. */
  readonly #refused = new Map<string, Tally>()
  #cancelPrune: (() => void) | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#taking = new Batcher((deliveries) => this.#write(deliveries), mostAtOnce)
  }

  start(): void {
    const { clock, database, log } = this.#options
    this.#cancelPrune = clock.after(3_600_000, async () => {
      const before = new Date(clock.now() - keepMs)
      await prune(database, { table: 'hook_deliveries', column: 'received_at', before }).catch(
        (error: unknown) => log.warn('hook.not-cleaned', { error }),
      )
      this.start()
    })
  }

  stop(): void {
    this.#cancelPrune?.()
  }

  /** @throws OPS_HOOK_UNKNOWN, OPS_HOOK_AWAY, OPS_HOOK_REFUSED, OPS_HOOK_BODY, OPS_HOOK_FLOOD; what the database throws */
  async take(call: HookCall): Promise<Taken> {
    const { queue, store, clock } = this.#options
    const { instance, hook } = this.#find(call)
    const delivery = this.#verified(call, hook, instance)
    const waitMs = await store.take([{ key: `hook:${call.plugin}:${call.hook}`, ...flood }])
    if (waitMs > 0) {
      const text = `Too much comes to the hook ${call.hook} of plugin ${call.plugin}`
      throw new OpsError('OPS_HOOK_FLOOD', text, { details: { waitMs } })
    }
    const body = bodyOf(call, hook)
    const job = jobRequest({
      plugin: instance,
      job: hookJob(call.hook),
      data: { body },
      options: {},
      now: clock.now(),
    })
    const key = keyOf(delivery, call.body)
    const taken = {
      plugin: call.plugin,
      hook: call.hook,
      key,
      job,
      isNew: false,
    }
    await queue.open()
    await this.#taking.add(taken)
    return taken.isNew ? { how: 'taken', job: job.id } : { how: 'duplicate' }
  }

  #find({ plugin, hook: name }: HookCall): { instance: PluginInstance; hook: Hook } {
    const { plugins, waiting, held } = this.#options.live.current
    // by the version that is being replaced: the job waits for the next one, the sender needn't
    const instance = plugins.get(plugin) ?? held.get(plugin)?.plugin
    const hook = instance?.hooks.get(name)
    if (instance !== undefined && hook !== undefined) return { instance, hook }
    if (instance === undefined && waiting.has(plugin)) {
      throw new OpsError(
        'OPS_HOOK_AWAY',
        `Plugin ${plugin} is not live: it waits for another plugin`,
      )
    }
    throw new OpsError('OPS_HOOK_UNKNOWN', `No live plugin has a hook ${plugin}/${name}`)
  }

  /** @returns the sender's id of the delivery, if it has one. @throws OPS_HOOK_REFUSED */
  #verified(call: HookCall, hook: Hook, { config }: PluginInstance): string | undefined {
    const { clock } = this.#options
    const { plugin, hook: name, headers, body } = call
    // typed where the plugin was written
    const secret = (hook.secret as (config: unknown) => string | undefined)(config) ?? ''
    const secrets = secret
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== '')
    const verified =
      secrets.length === 0
        ? undefined
        : hook.verify.verify({ headers, body, secrets, now: clock.now() })
    if (verified !== undefined) return verified.delivery
    const why = secrets.length === 0 ? 'no secret is set' : 'wrong or missing proof'
    this.#tallyOf(plugin, name).add(() => ({ why, ip: shortened(call.ip) }))
    throw new OpsError('OPS_HOOK_REFUSED', `A request to ${plugin}/${name} was refused: ${why}`)
  }

  #tallyOf(plugin: string, hook: string): Tally {
    const name = `${plugin}/${hook}`
    const known = this.#refused.get(name)
    if (known !== undefined) return known
    const { log } = this.#options
    const tally = new Tally((fields) => log.warn('hook.refused', { plugin, hook, ...fields }))
    this.#refused.set(name, tally)
    return tally
  }

  /** All of them, in one transaction. */
  async #write(deliveries: readonly Delivery[]): Promise<void> {
    const { database, queue } = this.#options
    const nameOf = ({ plugin, hook, key }: Pick<Delivery, 'plugin' | 'hook' | 'key'>) =>
      JSON.stringify([plugin, hook, key])
    // of two at the same moment the first one counts
    const distinct = new Map<string, Delivery>()
    for (const each of deliveries) {
      if (!distinct.has(nameOf(each))) distinct.set(nameOf(each), each)
    }
    const all = [...distinct.values()]
    const jobs = await database.transaction(async (transaction) => {
      const rows = await transaction.query<Pick<Delivery, 'plugin' | 'hook' | 'key'>>(
        `insert into hook_deliveries as known (plugin, hook, key)
         select * from unnest($1::text[], $2::text[], $3::text[])
         on conflict (plugin, hook, key) do update set received_at = now()
           where known.received_at < now() - interval '${replayWindow}'
         returning plugin, hook, key`,
        [all.map((each) => each.plugin), all.map((each) => each.hook), all.map((each) => each.key)],
      )
      const fresh = rows.flatMap((row) => distinct.get(nameOf(row)) ?? [])
      for (const each of fresh) each.isNew = true
      const jobs = fresh.map(({ job }) => job)
      if (jobs.length > 0) await queue.put(jobs, transaction)
      return jobs
    })
    if (jobs.length > 0) queue.sent(jobs)
  }
}

/** What tells a delivery from others: the sender's id, or a digest where that is too long for an index; else the body's. */
function keyOf(delivery: string | undefined, body: Buffer): string {
  if (delivery !== undefined && delivery !== '' && delivery.length <= longestKey) return delivery
  return createHash('sha256')
    .update(delivery || body)
    .digest('base64url')
}

/** @throws OPS_HOOK_BODY */
function bodyOf({ plugin, hook: name, body }: HookCall, hook: Hook): unknown {
  const refuse = (why: string): never => {
    throw new OpsError('OPS_HOOK_BODY', `What was sent to ${plugin}/${name} is refused: ${why}`)
  }
  const text = body.toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    if (hook.body === undefined) return text
    return refuse(`it is no JSON: ${messageOf(error)}`)
  }
  const parsed = hook.body?.safeParse(value)
  if (parsed?.success === false) return refuse(firstIssue(parsed.error))
  // as it came: it is parsed again when it is handled
  return value
}

/** Enough to recognise a network by, not a person. */
function shortened(ip: string): string {
  return isIPv4(ip) ? ip : ip.split(':').slice(0, 4).join(':')
}
