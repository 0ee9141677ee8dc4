import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import type { Chat } from '../../core/testing/bot-api/world/chat.ts'
import { BotProcess } from '../support/bot-process.ts'
import { freshFolder } from '../support/folders.ts'
import { gatePlugin } from '../support/plugins.ts'
import { until } from '../support/wait.ts'

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

const tick = async (ctx, number, ms) => {
  appendFileSync(${JSON.stringify(begun)}, number + ' ' + process.pid + '\\n')
  await new Promise((resolve) => setTimeout(resolve, ms))
  ctx.em.create(Tick, { id: ulid(), chat: ctx.chat.id, number, pid: process.pid })
  return 'tick ' + number
}

export default definePlugin({
  name: 'counter',
  version: '1.0.0',
  entities: [Tick],
  commands: ({ command }) => ({
    tick: command({
      description: 'Counts',
      args: z.object({ number: z.number() }),
      run: (ctx, { number }) => tick(ctx, number, 5),
    }),
    slow: command({
      description: 'Counts slowly',
      args: z.object({ number: z.number() }),
      run: (ctx, { number }) => tick(ctx, number, 1_500),
    }),
  }),
})
`
const migration = `
import { Migration } from '@mikro-orm/migrations'
export default class Ticks extends Migration {
  override up() {
    this.addSql('create table counter_ticks (seq bigint generated always as identity, id varchar(26) primary key, chat bigint not null, number int not null, pid int not null)')
    this.addSql('create index counter_ticks_chat on counter_ticks (chat)')
  }
}
`

/** What came of all that was sent. */
export interface Tally {
  readonly lost: number
  readonly committedTwice: number
  readonly outOfOrder: number
  readonly begunTwice: number
}

export const flawless = { lost: 0, committedTwice: 0, outOfOrder: 0 }

/** Several instances of one bot, and what each update that was sent to them came to. */
export class Ledger {
  readonly bots: BotProcess[] = []
  readonly #begun = join(freshFolder(), 'begun')
  readonly #chats: Chat[] = []
  #client: pg.Client | undefined
  #sent = 0

  static async create(instances: number): Promise<Ledger> {
    const ledger = new Ledger()
    for (let i = 0; i < instances; i++) {
      await ledger.add()
    }
    const owner = ledger.first.person(ledger.first.ownerId)
    for (let i = 0; i < 12; i++) {
      ledger.#chats.push(ledger.first.api.group({ title: `Room ${i}`, members: [owner] }))
    }
    ledger.#client = new pg.Client({ connectionString: ledger.first.env.DATABASE_URL })
    await ledger.#client.connect()
    return ledger
  }

  get first(): BotProcess {
    const [first] = this.bots
    if (first === undefined) throw new Error('there is no bot')
    return first
  }

  /** Makes one more instance, which is not started. */
  async add(): Promise<BotProcess> {
    const [beside] = this.bots
    const bot = await BotProcess.create({
      firstParty: false,
      // each has a disk of its own, which it reads when it is told to
      env: { PLUGINS_WATCH: 'false' },
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

  /** Sends so many updates, to all chats in turn. */
  send(count: number, command: 'tick' | 'slow' = 'tick'): void {
    const owner = this.first.person(this.first.ownerId)
    for (let i = 0; i < count; i++, this.#sent++) {
      const chat = this.#chats[this.#sent % this.#chats.length]
      if (chat !== undefined) owner.sendText(`/${command} ${this.#sent}`, { chat })
    }
  }

  async query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.#client?.query(sql, parameters))?.rows as Row[]
  }

  async committed(): Promise<number> {
    const [row] = await this.query<{ count: string }>(
      'select count(distinct number) from counter_ticks',
    )
    return Number(row?.count)
  }

  /** Resolves when every update that was sent is in the database. */
  async done(deadlineMs = 60_000): Promise<void> {
    await until(
      `all of ${this.#sent}`,
      async () => (await this.committed()) === this.#sent,
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

  async tally(): Promise<Tally> {
    const rows = await this.query<{ number: number; chat: string }>(
      'select number, chat from counter_ticks order by seq',
    )
    const numbers = new Set(rows.map(({ number }) => number))
    const newest = new Map<string, number>()
    let outOfOrder = 0
    for (const { number, chat } of rows) {
      if (number < (newest.get(chat) ?? -1)) outOfOrder++
      newest.set(chat, number)
    }
    const begun = this.begun()
    return {
      lost: this.#sent - numbers.size,
      committedTwice: rows.length - numbers.size,
      outOfOrder,
      begunTwice: begun.length - new Set(begun).size,
    }
  }

  async close(): Promise<void> {
    await this.#client?.end()
    // the first one owns the Telegram of all
    for (const bot of this.bots.reverse()) await bot.close()
  }
}
