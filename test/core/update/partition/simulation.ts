import type { Database, Queries } from '../../../../core/database/connection.ts'
import { Presence } from '../../../../core/database/instances/presence.ts'
import type { EntityManager } from '../../../../core/database/orm.ts'
import { Inbox } from '../../../../core/update/inbox/inbox.ts'
import type { InboxItem } from '../../../../core/update/inbox/item.ts'
import { Partitions } from '../../../../core/update/partition/partitions.ts'
import { silentLog } from '../../../support/log.ts'

/** `now()` of all statements says what the simulation wants. */
export const simulatedClock = `
  create table if not exists sim_clock (at timestamptz not null);
  delete from sim_clock;
  insert into sim_clock values ('2026-01-01T00:00:00Z');
  create or replace function public.now() returns timestamptz language sql as 'select at from sim_clock';
  create or replace function public.clock_timestamp() returns timestamptz language sql as 'select at from sim_clock';
  set search_path = public, pg_catalog`

/** A process of the simulation: the real presence, partitions and inbox, driven by hand. */
interface Simulated {
  readonly name: string
  readonly presence: Presence
  readonly partitions: Partitions
  readonly inbox: Inbox
  /** Handlers that have begun and wait for being let on. */
  gates: (() => void)[]
  state: 'lives' | 'sleeps' | 'dead'
}

/** From this chat on handlers write nothing: their updates are marked, with others. */
const firstReading = 5

export function isReading(lane: string): boolean {
  return Number(lane.replace('chat:', '')) >= firstReading
}

/** Instances on one database with a clock of its own, and what their handlers committed. */
export class Simulation {
  /** Update ids in the order of their commits, or of the handlers that wrote nothing. */
  readonly committed: number[] = []
  /** Update ids by lane, in the order of their acceptance. */
  readonly accepted = new Map<string, number[]>()
  readonly #database: Database
  readonly #queries: Queries
  readonly #instances: Simulated[] = []
  readonly #idlers: Presence[] = []
  #inFlight = 0
  #answered: (() => void)[] = []
  #losesAnswer = false
  #ms = 0
  #nextId = 1

  constructor(database: Database) {
    this.#database = database
    this.#queries = {
      query: async <Row>(sql: string, parameters: readonly unknown[] = []) => {
        this.#inFlight++
        try {
          const rows = await database.query<Row>(sql, parameters)
          if (!this.#losesAnswer || !sql.includes('insert into inbox (')) return rows
          this.#losesAnswer = false
          throw new Error('Connection terminated unexpectedly')
        } finally {
          this.#inFlight--
          for (const resolve of this.#answered.splice(0)) resolve()
        }
      },
    }
  }

  async start(): Promise<void> {
    const session = { query: this.#queries.query, listen: async () => undefined }
    const presence = await Presence.join({
      session,
      id: `i${this.#instances.length}`,
      botId: 1,
      coreVersion: '1',
      log: silentLog,
      now: () => this.#ms,
    })
    const partitions = new Partitions({ session, presence, log: silentLog })
    const one: Simulated = {
      name: presence.id,
      presence,
      partitions,
      inbox: new Inbox({
        // of a database the inbox uses its own connections alone
        database: { inbox: this.#queries } as Database,
        botId: 1,
        partitions,
        handle: (item) => this.#handle(one, item),
        poison: (item) => this.#handle(one, item),
        log: silentLog,
      }),
      gates: [],
      state: 'lives',
    }
    this.#instances.push(one)
    await one.inbox.start()
    await this.#settle()
  }

  /** Any instance that is awake takes an update of the lane. */
  async accept(instance: number, chat: number): Promise<void> {
    const one = this.#awake(instance)
    if (one !== undefined) await this.#bring(one, this.#nextId++, chat)
  }

  /** The same; it is stored, and Telegram hears nothing of that: it comes again, to whoever is there. */
  async again(instance: number, chat: number): Promise<void> {
    const one = this.#awake(instance)
    const other = this.#awake(instance + 1)
    if (one === undefined || other === undefined) return
    const id = this.#nextId++
    this.#losesAnswer = true
    const isTaken = await this.#bring(one, id, chat).then(
      () => true,
      () => false,
    )
    if (isTaken) throw new Error('no answer was lost')
    await this.#bring(other, id, chat)
  }

  async #bring(one: Simulated, id: number, chat: number): Promise<void> {
    const message = { message_id: id, date: 1, text: 'x', chat: { id: chat, type: 'private' } }
    await one.inbox.accept([{ update_id: id, message } as never])
    const lane = `chat:${chat}`
    this.accepted.set(lane, [...(this.accepted.get(lane) ?? []), id])
    await this.#settle()
  }

  /** Time goes by; whoever is awake beats. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.#ms += Math.min(left, 500)
      await this.#database.query(`update sim_clock set at = at + $1 * interval '1 ms'`, [
        Math.min(left, 500),
      ])
      for (const one of this.#instances) if (one.state === 'lives') await one.presence.beat()
      for (const idler of this.#idlers) await idler.beat()
      await this.#settle()
    }
  }

  /** What runs in an instance comes to its end. */
  async finish(instance: number): Promise<void> {
    const one = this.#awake(instance)
    if (one === undefined) return
    for (const open of one.gates.splice(0)) open()
    await this.#settle()
  }

  /** One that beats and serves, and takes nothing: stuck, or of a program that fails at it. */
  async joinIdle(): Promise<void> {
    const presence = await Presence.join({
      session: this.#queries,
      id: 'idle',
      botId: 1,
      coreVersion: '1',
      log: silentLog,
      now: () => this.#ms,
    })
    await presence.become('serving')
    this.#idlers.push(presence)
  }

  /** How many partitions an instance holds. */
  held(instance: number): number {
    return this.#awake(instance)?.partitions.count ?? 0
  }

  sleep(instance: number): void {
    const one = this.#awake(instance)
    if (one !== undefined) one.state = 'sleeps'
  }

  /** It goes on where it was, without having looked at anything. */
  wake(instance: number): void {
    const asleep = this.#instances.filter(({ state }) => state === 'sleeps')
    const one = asleep[instance % Math.max(1, asleep.length)]
    if (one !== undefined) one.state = 'lives'
  }

  kill(instance: number): void {
    const one = this.#awake(instance)
    if (one !== undefined) one.state = 'dead'
  }

  /** A stop as in a rolling restart: nothing that runs is cut off. */
  async stop(instance: number): Promise<void> {
    const one = this.#awake(instance)
    if (one === undefined) return
    const handingBack = one.partitions.handBack(AbortSignal.timeout(20_000))
    let done = false
    void handingBack.then(() => {
      done = true
    })
    while (!done) {
      for (const open of one.gates.splice(0)) open()
      await this.#settle()
    }
    await one.inbox.stop()
    await one.presence.leave()
    one.state = 'dead'
  }

  /** Everybody wakes, and all goes on until nothing is left. @returns whether that came */
  async end(): Promise<boolean> {
    for (const one of this.#instances) if (one.state === 'sleeps') one.state = 'lives'
    if (this.#awake(0) === undefined) await this.start()
    for (let round = 0; round < 60; round++) {
      const [row] = await this.#database.query<{ open: number }>(
        'select count(*)::int as open from inbox where state = 0',
      )
      if (row?.open === 0) return true
      await this.pass(500)
      for (let i = 0; i < this.#instances.length; i++) await this.finish(i)
    }
    return false
  }

  async close(): Promise<void> {
    for (const one of this.#instances) {
      one.state = 'dead'
      for (const open of one.gates.splice(0)) open()
    }
    await this.#settle()
    for (const idler of this.#idlers) await idler.leave()
    for (const { inbox, presence } of this.#instances) {
      await inbox.stop()
      await presence.leave()
    }
  }

  async #handle(one: Simulated, item: InboxItem): Promise<void> {
    await new Promise<void>((resolve) => one.gates.push(resolve))
    if (one.state === 'dead') return
    if (isReading(item.facts.lane)) {
      one.inbox.done(item)
      this.committed.push(item.facts.updateId)
      return
    }
    // an entity manager as far as the claim needs one
    const execute = (sql: string, parameters: unknown[]) => {
      let n = 0
      return this.#queries.query(
        sql.replace(/\?/g, () => `$${++n}`),
        parameters,
      )
    }
    if (await one.inbox.claim({ execute } as unknown as EntityManager, item)) {
      this.committed.push(item.facts.updateId)
    }
  }

  #awake(instance: number): Simulated | undefined {
    const awake = this.#instances.filter(({ state }) => state === 'lives')
    return awake[instance % Math.max(1, awake.length)]
  }

  /** Resolves when no statement is under way any more and nothing follows of it. */
  async #settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; ) {
      if (this.#inFlight > 0) {
        await new Promise<void>((resolve) => this.#answered.push(resolve))
        quiet = 0
      } else {
        await new Promise((resolve) => setImmediate(resolve))
        quiet++
      }
    }
  }
}
