import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { OpsError } from '../../errors.ts'
import type { Logger } from '../../log/logger.ts'
import type { Queries } from '../connection.ts'
import { hasEnded, processIdentity } from '../process.ts'
import { beatMs, type Instance, type InstanceState, leaseMs, livingInstances } from './living.ts'

export interface PresenceOptions {
  /** A connection of its own: a beat may not wait behind anything. */
  session: Queries
  id: string
  botId: number
  coreVersion: string
  log: Logger
  /** A clock that never goes back, ms; default `performance.now`. */
  now?: () => number
}

/** What a beat found. */
export interface Beat {
  /** Whether the row was still there: if not, all that this instance held is others' by now. */
  readonly kept: boolean
  /** Instances that share the work, this one too if it does. */
  readonly serving: number
}

/** The part of the lease in which an instance is sure of what it holds; the rest is for slow clocks and answers. */
const sureMs = leaseMs * 0.8

/**
 * This process among all that serve the database: its row in `instances`, kept alive by a beat twice a second. Who
 * isn't heard of for a lease is dead to the others: they delete its row, and with it goes what it held. The
 * row is the truth: an instance that was only asleep finds its row gone, and begins anew.
 */
export class Presence {
  readonly id: string
  readonly #options: PresenceOptions
  readonly #now: () => number
  readonly #stopping = new AbortController()
  readonly #listeners: ((beat: Beat) => Promise<void>)[] = []
  #state: InstanceState = 'starting'
  #plugins: Readonly<Record<string, string>> = {}
  /** Until when no other can have declared this one dead. */
  #sureUntil = 0
  /** Since when the beats have gone through; an outage of the database makes everybody look dead. */
  #beatingSince: number | undefined
  #failure: unknown
  #wasWritten = false
  #running: Promise<void> | undefined
  #chain: Promise<void> = Promise.resolve()

  private constructor(options: PresenceOptions) {
    this.#options = options
    this.#now = options.now ?? (() => performance.now())
    this.id = options.id
  }

  /**
   * Writes the row; `start` keeps it alive.
   * @throws OpsError OPS_DATABASE_OTHER_BOT when a bot with another token serves this database
   */
  static async join(options: PresenceOptions): Promise<Presence> {
    const presence = new Presence(options)
    await presence.#clearEnded()
    await presence.beat()
    try {
      await presence.#refuseOtherBot()
    } catch (error) {
      await presence.leave()
      throw error
    }
    return presence
  }

  /** Begins to beat. */
  start(): void {
    this.#running ??= this.#keepBeating()
  }

  /** Whether what this instance holds is surely still its own. */
  get isSure(): boolean {
    return this.#now() < this.#sureUntil
  }

  /** What kept the last beat from being written; undefined if it was. */
  get failure(): unknown {
    return this.#failure
  }

  /** Called after each beat, one after the other; the next beat waits for it. */
  onBeat(listener: (beat: Beat) => Promise<void>): void {
    this.#listeners.push(listener)
  }

  async become(state: InstanceState): Promise<void> {
    this.#state = state
    await this.beat()
  }

  /** Tells the others which plugins are live here. @param plugins content hashes by name */
  async publish(plugins: Readonly<Record<string, string>>): Promise<void> {
    this.#plugins = plugins
    await this.beat()
  }

  /** The other instances, oldest first. */
  others(): Promise<readonly Instance[]> {
    return livingInstances(this.#options.session, this.id)
  }

  /** Takes the row away, and with it all that this instance held. */
  async leave(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#chain
    this.#sureUntil = 0
    await this.#options.session
      .query('delete from instances where id = $1', [this.id])
      .catch((error: unknown) => this.#options.log.debug('instance.row-left', { error }))
  }

  /** Says that this instance lives, and finds out who else does. */
  beat(): Promise<void> {
    const result = this.#chain.then(() => this.#beat())
    this.#chain = result.catch(() => undefined)
    return result
  }

  async #keepBeating(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await delay(beatMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      await this.beat().catch((error: unknown) =>
        this.#options.log.warn('instance.beat-failed', { error }),
      )
    }
  }

  async #beat(): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const sentAt = this.#now()
    // after a sleep, e.g. of the whole machine, the others may only just be waking up
    if (!this.isSure) this.#beatingSince = undefined
    let kept: boolean
    try {
      kept = await this.#write()
      this.#failure = undefined
    } catch (error) {
      this.#failure = error
      this.#beatingSince = undefined
      throw error
    }
    this.#sureUntil = sentAt + sureMs
    this.#beatingSince ??= sentAt
    // whoever lives has had the time to be heard of since this one began, or the database came back
    if (sentAt - this.#beatingSince > leaseMs) await this.#clearDead()
    const [row] = await this.#options.session.query<{ serving: number }>(
      `select count(*)::int as serving from instances where state = 'serving'`,
    )
    const beat = { kept, serving: row?.serving ?? 0 }
    for (const listener of this.#listeners) await listener(beat)
  }

  /** @returns whether the row was there */
  async #write(): Promise<boolean> {
    const { session, id, botId, coreVersion, log } = this.#options
    // xmax is 0 in a row that was just made (PostgreSQL 15, §5.5)
    const [row] = await session.query<{ made: boolean }>(
      `insert into instances (id, bot_id, state, host, pid, process, core_version, plugins, heartbeat_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
       on conflict (id) do update set state = excluded.state, plugins = excluded.plugins,
         heartbeat_at = excluded.heartbeat_at
       returning (xmax = 0) as made`,
      [
        id,
        botId,
        this.#state,
        hostname(),
        process.pid,
        processIdentity() ?? null,
        coreVersion,
        JSON.stringify(this.#plugins),
      ],
    )
    const made = row?.made === true
    if (made && this.#wasWritten) log.warn('instance.lost', { instance: id })
    this.#wasWritten = true
    return !made
  }

  async #clearDead(): Promise<void> {
    const dead = await this.#options.session.query<{ id: string; host: string; pid: number }>(
      `delete from instances where heartbeat_at < now() - $1 * interval '1 ms' and id <> $2 returning id, host, pid`,
      [leaseMs, this.id],
    )
    for (const { id, host, pid } of dead) {
      this.#options.log.warn('instance.dead', { instance: id, host, pid })
    }
  }

  /** Processes of this machine that were killed needn't be waited for. */
  async #clearEnded(): Promise<void> {
    const { session } = this.#options
    const rows = await session.query<{ id: string; process: string }>(
      'select id, process from instances where process is not null',
    )
    const ended = rows.filter(({ process }) => hasEnded(process)).map(({ id }) => id)
    if (ended.length > 0) {
      await session.query('delete from instances where id = any($1::text[])', [ended])
    }
  }

  /** One that was killed just now beats no more: only who is heard of again lives. */
  async #refuseOtherBot(): Promise<void> {
    const first = await this.#otherBots()
    for (let others = first; others.length > 0; others = await this.#otherBots()) {
      const alive = others.find(({ id, beat }) =>
        first.some((before) => before.id === id && before.beat !== beat),
      )
      if (alive !== undefined) throw otherBot(this.#options.botId, alive)
      await delay(beatMs / 2)
    }
  }

  #otherBots(): Promise<OtherBot[]> {
    return this.#options.session.query<OtherBot>(
      `select id, bot_id as bot, host, pid, heartbeat_at::text as beat from instances
       where bot_id <> $1 and heartbeat_at > now() - $2 * interval '1 ms'`,
      [this.#options.botId, leaseMs],
    )
  }
}

interface OtherBot {
  id: string
  bot: number
  host: string
  pid: number
  beat: string
}

function otherBot(own: number, { bot, host, pid }: OtherBot): OpsError {
  return new OpsError(
    'OPS_DATABASE_OTHER_BOT',
    `The database is used by another bot: ${bot}, on ${host} (process ${pid}); this one is ${own}`,
    { details: { bot: own, other: bot, host, pid } },
  )
}
