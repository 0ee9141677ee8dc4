import { createHash } from 'node:crypto'
import { isIPv4 } from 'node:net'
import type { Clock } from '../../clock.ts'
import { Batcher } from '../../database/batcher.ts'
import type { Database } from '../../database/connection.ts'
import { prune } from '../../database/prune.ts'
import { messageOf, OpsError } from '../../errors.ts'
import type { Verified } from '../../http/hooks/verify.ts'
import type { JobQueue } from '../../job/queue.ts'
import type { JobRequest } from '../../job/request.ts'
import type { Logger } from '../../log/logger.ts'
import { Tally } from '../../log/tally.ts'
import type { PluginInstance } from '../../plugin/generation/instance.ts'
import type { Live } from '../../plugin/generation/live.ts'
import { type Hook, hookJob } from '../../plugin/manifest/hook.ts'
import { nothingAccepted, openingsOf } from '../../plugin/opening/diff.ts'
import { firstIssue, jobRequest } from '../../plugin/run/enqueue.ts'
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
  /** What it is known by: the sender's id and what was signed, else the body. */
  readonly keys: readonly string[]
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
  #isOpen = false
  #cancelPrune: (() => void) | undefined

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#taking = new Batcher((deliveries) => this.#write(deliveries), mostAtOnce)
  }

  start(): void {
    const { clock, database, log } = this.#options
    this.#isOpen = true
    this.#cancelPrune = clock.after(3_600_000, async () => {
      const before = new Date(clock.now() - keepMs)
      await prune(database, { table: 'hook_deliveries', column: 'received_at', before }).catch(
        (error: unknown) => log.warn('hook.not-cleaned', { error }),
      )
      // the stop may have come meanwhile
      if (this.#isOpen) this.start()
    })
  }

  stop(): void {
    this.#isOpen = false
    this.#cancelPrune?.()
  }

  /** @throws OPS_HOOK_UNKNOWN, OPS_HOOK_AWAY, OPS_HOOK_REFUSED, OPS_HOOK_BODY, OPS_HOOK_FLOOD; what the database throws */
  async take(call: HookCall): Promise<Taken> {
    const { queue, store, clock } = this.#options
    const { instance, hook } = this.#find(call)
    const verified = this.#verified(call, hook, instance)
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
    const taken = {
      plugin: call.plugin,
      hook: call.hook,
      keys: keysOf(verified, call.body),
      job,
      isNew: false,
    }
    await queue.open()
    await this.#taking.add(taken)
    return taken.isNew ? { how: 'taken', job: job.id } : { how: 'duplicate' }
  }

  #find({ plugin, hook: name }: HookCall): { instance: PluginInstance; hook: Hook } {
    const { plugins, waiting, held, unapproved, accepted } = this.#options.live.current
    // by the version that is being replaced: the job waits for the next one, the sender needn't
    const instance = plugins.get(plugin) ?? held.get(plugin)?.plugin
    const hook = instance?.hooks.get(name)
    if (instance !== undefined && hook !== undefined) {
      const isClosed = plugins.has(plugin)
        ? unapproved.former.get(hook)?.closed === true
        : openingsOf(accepted.get(plugin) ?? nothingAccepted, instance.surface).some(
            ({ what }) => what === `hook:${name}`,
          )
      if (!isClosed) return { instance, hook }
      const text = `The hook ${plugin}/${name} waits for an owner’s approval`
      throw new OpsError('OPS_HOOK_AWAY', text)
    }
    if (instance === undefined && waiting.has(plugin)) {
      throw new OpsError(
        'OPS_HOOK_AWAY',
        `Plugin ${plugin} is not live: it waits for another plugin`,
      )
    }
    throw new OpsError('OPS_HOOK_UNKNOWN', `No live plugin has a hook ${plugin}/${name}`)
  }

  /** @throws OPS_HOOK_REFUSED */
  #verified(call: HookCall, hook: Hook, { config }: PluginInstance): Verified {
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
    if (verified !== undefined) return verified
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
    const known = new Set<string>()
    const rows: { plugin: string; hook: string; key: string }[] = []
    const distinct: Delivery[] = []
    for (const each of deliveries) {
      const { plugin, hook, keys } = each
      const own = keys.map((key) => ({ plugin, hook, key }))
      const names = own.map(nameOf)
      // of two at the same moment the first one counts
      if (!names.some((name) => known.has(name))) distinct.push(each)
      for (const [at, name] of names.entries()) {
        const row = own[at]
        if (row === undefined || known.has(name)) continue
        known.add(name)
        rows.push(row)
      }
    }
    // in one order on all instances: two that know the same keys would else wait for each other
    rows.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    const jobs = await database.transaction(async (transaction) => {
      const written = await transaction.query<{ plugin: string; hook: string; key: string }>(
        `insert into hook_deliveries as known (plugin, hook, key)
         select * from unnest($1::text[], $2::text[], $3::text[])
         on conflict (plugin, hook, key) do update set received_at = now()
           where known.received_at < now() - interval '${replayWindow}'
         returning plugin, hook, key`,
        [rows.map((row) => row.plugin), rows.map((row) => row.hook), rows.map((row) => row.key)],
      )
      const isNew = new Set(written.map(nameOf))
      const fresh = distinct.filter(({ plugin, hook, keys }) =>
        keys.every((key) => isNew.has(nameOf({ plugin, hook, key }))),
      )
      for (const each of fresh) each.isNew = true
      const jobs = fresh.map(({ job }) => job)
      if (jobs.length > 0) await queue.put(jobs, transaction)
      return jobs
    })
    if (jobs.length > 0) queue.sent(jobs)
  }
}

function nameOf({ plugin, hook, key }: { plugin: string; hook: string; key: string }): string {
  return JSON.stringify([plugin, hook, key])
}

/**
 * What tells a delivery from others: the sender's id, or a digest where that is too long for an index; and what was signed, as an id
 * that isn't could be exchanged. Where there is neither, the body.
 */
function keysOf({ delivery, signature }: Verified, body: Buffer): readonly string[] {
  const keys: string[] = []
  if (delivery !== undefined && delivery !== '') {
    keys.push(delivery.length <= longestKey ? delivery : digestOf(delivery))
  }
  if (signature !== undefined) keys.push(`signed ${signature.slice(0, longestKey)}`)
  if (keys.length === 0) keys.push(digestOf(body))
  return keys
}

function digestOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('base64url')
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
