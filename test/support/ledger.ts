import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { openDatabase } from '../../core/database/connection.ts'
import type { Chat } from '../../core/testing/bot-api/world/chat.ts'
import { BotProcess } from './bot-process.ts'
import { freshFolder } from './folders.ts'
import { silentLog } from './log.ts'
import { gatePlugin } from './plugins.ts'
import { until } from './wait.ts'

/** Writes one row an update in its unit of work, and before that a line into a file: an effect outside. */
const counter = (begun: string) => `
import { appendFileSync } from 'node:fs'
import { defineEntity, p } from '@mikro-orm/core'
import { definePlugin, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'Tick',
  tableName: 'counter_ticks',
  properties: {
    id: p.string().primary(),
    chat: p.bigint('number'),
    number: p.integer(),
    pid: p.integer(),
  },
})
class Tick extends schema.class {}
schema.setClass(Tick)

export default definePlugin({
  name: 'counter',
  version: '1.0.0',
  entities: [Tick],
  commands: ({ command }) => ({
    tick: command({
      description: 'Counts',
      args: z.object({ number: z.number(), ms: z.number() }),
      async run(ctx, { number, ms }) {
        appendFileSync(${JSON.stringify(begun)}, number + ' ' + process.pid + '\\n')
        await new Promise((resolve) => setTimeout(resolve, ms))
        ctx.em.create(Tick, { id: ulid(), chat: ctx.chat.id, number, pid: process.pid })
        return 'tick ' + number
      },
    }),
    committed: command({
      description: 'How many were counted, from this one on',
      args: z.object({ from: z.number() }),
      async run(ctx, { from }) {
        const ticks = await ctx.em.find(Tick, { number: { $gte: from } })
        return String(new Set(ticks.map(({ number }) => number)).size)
      },
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Ticks extends Migration {
  override up() {
    this.addSql(\`
      create table counter_ticks (
        seq bigint generated always as identity,
        id varchar(26) primary key,
        chat bigint not null,
        number int not null,
        pid int not null,
        at timestamptz not null default clock_timestamp())\`)
    this.addSql('create index counter_ticks_chat on counter_ticks (chat)')
    this.addSql('create index counter_ticks_number on counter_ticks (number)')
  }
}
`

/** What came of what was sent. */
export interface Tally {
  readonly lost: number
  readonly committedTwice: number
  readonly outOfOrder: number
  readonly begunTwice: number
}

/** Chats that write by turns. */
export const chatCount = 12

export const flawless = { lost: 0, committedTwice: 0, outOfOrder: 0 }

/** One effect in the database. */
export interface Tick {
  readonly number: number
  readonly chat: number
  /** When it was written, ms since 1970. */
  readonly at: number
}

type Env = Record<string, string | undefined>

export interface LedgerOptions {
  instances: number
  /** Of the instance with this number, from 0 on. */
  envOf?: (instance: number) => Env
  /** What it is asked at directly, if that is not where the instances reach it. */
  databaseUrl?: string
}

/** Several instances of one bot, and what each update that was sent to them came to. */
export class Ledger {
  readonly bots: BotProcess[] = []
  readonly #options: LedgerOptions
  readonly #begun = join(freshFolder(), 'begun')
  readonly #chats: Chat[] = []
  #pool: pg.Pool | undefined
  #sent = 0

  private constructor(options: LedgerOptions) {
    this.#options = options
  }

  static async create(options: LedgerOptions): Promise<Ledger> {
    const ledger = new Ledger(options)
    while (ledger.bots.length < options.instances) await ledger.add()
    const owner = ledger.first.person(ledger.first.ownerId)
    for (let i = 0; i < chatCount; i++) {
      ledger.#chats.push(ledger.first.api.group({ title: `Room ${i}`, members: [owner] }))
    }
    const url = options.databaseUrl ?? ledger.first.env.DATABASE_URL
    if (url !== undefined) {
      ledger.#pool = new pg.Pool({ connectionString: url, max: 1 })
      // the server may be ended under it; the next query connects anew
      ledger.#pool.on('error', () => undefined)
    }
    return ledger
  }

  get first(): BotProcess {
    const [first] = this.bots
    if (first === undefined) throw new Error('there is no bot')
    return first
  }

  /** The chats that write. */
  get rooms(): readonly Chat[] {
    return this.#chats
  }

  /** Updates that were sent so far; each has its number, from 0 on. */
  get sent(): number {
    return this.#sent
  }

  /** Makes one more instance, which is not started. */
  async add(): Promise<BotProcess> {
    const [beside] = this.bots
    const bot = await BotProcess.create({
      firstParty: false,
      // each has a disk of its own, which it reads when it is told to
      env: { PLUGINS_WATCH: 'false', ...this.#options.envOf?.(this.bots.length) },
      plugins: {
        'gate/index.ts': gatePlugin,
        'counter/index.ts': counter(this.#begun),
        'counter/migrations/0001_ticks.ts': migration,
      },
      ...(beside === undefined ? {} : { beside }),
    })
    bot.copy(join(import.meta.dirname, '../../plugins/plugins'), 'plugins')
    this.bots.push(bot)
    return bot
  }

  /** Sends so many updates, to all chats in turn. @param ms how long the handler of each takes */
  send(count: number, ms = 5): void {
    const owner = this.first.person(this.first.ownerId)
    for (let i = 0; i < count; i++, this.#sent++) {
      const chat = this.#chats[this.#sent % this.#chats.length]
      if (chat !== undefined) owner.sendText(`/tick ${this.#sent} ${ms}`, { chat })
    }
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    parameters: unknown[] = [],
  ): Promise<Row[]> {
    if (this.#pool !== undefined) {
      return (await this.#pool.query(sql, parameters)).rows as Row[]
    }
    // embedded: of one process, so that one has to be stopped
    const database = await openDatabase({ ...this.first.database, log: silentLog })
    try {
      return await database.query<Row>(sql, parameters)
    } finally {
      await database.close()
    }
  }

  /** How many updates have had their effect. @param from the first that counts */
  async committed(from = 0): Promise<number> {
    if (this.#pool === undefined) {
      return Number(await this.first.ask(this.first.ownerId, `/committed ${from}`))
    }
    const [row] = await this.query<{ count: string }>(
      'select count(distinct number) from counter_ticks where number >= $1',
      [from],
    )
    return Number(row?.count)
  }

  /** Resolves when every update that was sent is in the database. @param from the first that counts */
  async done({ from = 0, deadlineMs = 60_000 } = {}): Promise<void> {
    await until(
      `all of ${this.#sent}`,
      async () => (await this.committed(from)) === this.#sent - from,
      deadlineMs,
    )
  }

  /** Numbers of updates whose handler was begun. */
  begun(): number[] {
    if (!existsSync(this.#begun)) return []
    const lines = readFileSync(this.#begun, 'utf8').trim().split('\n').filter(Boolean)
    return lines.map((line) => Number(line.split(' ')[0]))
  }

  /** Resolves when so many instances hold all partitions, none more than its share. */
  async shared(instances: number): Promise<void> {
    let held: number[] = []
    try {
      await until(
        'the partitions are shared',
        async () => {
          const rows = await this.query<{ count: string }>(
            'select count(*) from inbox_partitions where owner is not null group by owner',
          )
          held = rows.map(({ count }) => Number(count))
          const total = held.reduce((sum, count) => sum + count, 0)
          return (
            held.length === instances &&
            total === 64 &&
            Math.max(...held) <= Math.ceil(64 / instances)
          )
        },
        120_000,
      )
    } catch (error) {
      const told = this.bots.map(({ lines }) =>
        lines
          .filter(({ event }) => /^(instance|inbox)\./.test(event))
          .map((line) => JSON.stringify(line))
          .slice(-15),
      )
      throw new Error(
        `${String(error)}: ${held.join()}\n${told.map((lines) => lines.join('\n')).join('\n\n')}`,
      )
    }
  }

  /** What is in the database, in the order in which it was written. @param from the first update that counts */
  async ticks(from = 0): Promise<Tick[]> {
    const rows = await this.query<{ number: number; chat: string; at: string }>(
      `select number, chat, extract(epoch from at) * 1000 as at from counter_ticks
       where number >= $1 order by seq`,
      [from],
    )
    return rows.map(({ number, chat, at }) => ({ number, chat: Number(chat), at: Number(at) }))
  }

  /** @param from the first update that counts @param to the first that doesn't any more */
  async tally(from = 0, to = this.#sent): Promise<Tally> {
    const ticks = (await this.ticks(from)).filter(({ number }) => number < to)
    const numbers = new Set(ticks.map(({ number }) => number))
    const newest = new Map<number, number>()
    let outOfOrder = 0
    for (const { number, chat } of ticks) {
      if (number < (newest.get(chat) ?? -1)) outOfOrder++
      newest.set(chat, number)
    }
    const begun = this.begun().filter((number) => number >= from && number < to)
    return {
      lost: to - from - numbers.size,
      committedTwice: ticks.length - numbers.size,
      outOfOrder,
      begunTwice: begun.length - new Set(begun).size,
    }
  }

  /** Resolves when every update has its answer: what wrote something is not to lose it. @returns how many came twice */
  async answered(): Promise<number> {
    const answers = () =>
      this.#chats
        .flatMap(({ id }) => this.first.said(id))
        .flatMap((text) => /^tick (\d+)$/.exec(text)?.[1] ?? [])
        .map(Number)
    await until('every update is answered', () => new Set(answers()).size === this.#sent)
    const all = answers()
    return all.length - new Set(all).size
  }

  async close(): Promise<void> {
    await this.#pool?.end()
    // the first one owns the Telegram of all
    for (const bot of this.bots.reverse()) await bot.close()
  }
}
