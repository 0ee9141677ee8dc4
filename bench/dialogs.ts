// Dialogs: many people at once, each in the middle of one, while the process that holds them is killed again and again.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase } from '../core/database/connection.ts'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import type { Person } from '../core/testing/bot-api/world/person.ts'
import { freshUrl } from '../test/support/database.ts'
import { sized } from './report/size.ts'
import { printTable } from './report/table.ts'
import { Bot, ownerId } from './subject/bot.ts'
import { type Files, writeFiles } from './subject/folder.ts'
import { quietLog } from './subject/pipeline.ts'

const people = sized({ small: 50, full: 1_000 })
const kills = sized({ small: 2, full: 10 })
const steps = ['a', 'b', 'c', 'd', 'e'] as const
/** How long it may take until the last dialog has ended, ms. */
const patienceMs = 300_000

/** Each question names its step, so that an answer can be told from that to another one. */
const plugin: Files = {
  'talk/index.ts': `
import { defineEntity, p } from '@mikro-orm/core'
import { BotUser, definePlugin, ulid } from 'opsgram'
import { z } from 'zod'

const schema = defineEntity({
  name: 'TalkRow',
  tableName: 'talk_rows',
  properties: { id: p.string().primary(), person: p.bigint('number'), said: p.text() },
})
class TalkRow extends schema.class {}
schema.setClass(TalkRow)

const names = ${JSON.stringify(steps)}

export default definePlugin({
  name: 'talk',
  version: '1.0.0',
  entities: [TalkRow],
  dialogs: ({ dialog }) => ({
    talk: dialog({
      version: 1,
      withinS: 3600,
      state: z.object(Object.fromEntries(names.map((name) => [name, z.string()]))),
      steps: Object.fromEntries(names.map((name) => [name, { ask: () => 'step ' + name }])),
      finish(ctx, state) {
        ctx.em.create(TalkRow, { id: ulid(), person: ctx.actor.telegramId, said: names.map((name) => state[name]).join(' ') })
        return 'the end'
      },
    }),
  }),
  commands: ({ command }) => ({
    talk: command({ description: 'Talk', run: (ctx) => ctx.begin('talk') }),
    seed: command({
      description: 'Lets people in',
      args: z.object({ from: z.number(), to: z.number() }),
      run(ctx, { from, to }) {
        for (let id = from; id <= to; id++) ctx.em.create(BotUser, { telegramId: id, role: 'operator', status: 'active' })
        return 'seeded'
      },
    }),
  }),
})
`,
  'talk/migrations/0001_rows.ts': `
import { Migration } from '@mikro-orm/migrations'
export default class Rows extends Migration {
  override up() {
    this.addSql('create table talk_rows (id varchar(26) primary key, person bigint not null, said text not null)')
  }
}
`,
}

/** Answers each question once, as people do who read. */
class Talker {
  readonly #person: Person
  readonly #answered = new Set<string>()
  ended = false

  constructor(person: Person) {
    this.#person = person
  }

  get id(): number {
    return this.#person.id
  }

  get answered(): number {
    return this.#answered.size
  }

  begin(): void {
    this.#person.sendText('/talk')
  }

  hear(text: string): void {
    const step = /^step (\w)$/.exec(text)?.[1]
    this.ended ||= text === 'the end'
    // after a kill a question may come twice
    if (step === undefined || this.#answered.has(step)) return
    this.#answered.add(step)
    this.#person.sendText(this.#answer(step))
  }

  get all(): string {
    return steps.map((step) => this.#answer(step)).join(' ')
  }

  #answer(step: string): string {
    return `${step}${this.id}`
  }
}

/** @param instances how many processes serve the bot; they are killed in turn */
async function killed(name: string, instances: number, databaseUrl?: string): Promise<string[]> {
  const api = await startFakeBotApi()
  const owner = api.user({ id: ownerId })
  const talkers = Array.from({ length: people }, () => new Talker(api.user()))
  const byChat = new Map(talkers.map((talker) => [talker.id, talker]))
  const bots = Array.from(
    { length: instances },
    () =>
      new Bot({
        api,
        env: { NOTICES: 'false' },
        ...(databaseUrl === undefined ? {} : { databaseUrl }),
      }),
  )
  for (const bot of bots) {
    writeFiles(bot.plugins, plugin)
    await bot.start()
  }
  const seeded = new Promise<void>((resolve) => {
    api.on('message', ({ byBot, chatId, text }) => {
      if (!byBot) return
      if (text === 'seeded') resolve()
      byChat.get(chatId)?.hear(text)
    })
  })
  const ids = talkers.map(({ id }) => id)
  owner.sendText(`/seed ${Math.min(...ids)} ${Math.max(...ids)}`)
  await seeded
  const began = performance.now()
  for (const talker of talkers) talker.begin()
  const startsMs: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    const bot = bots[kill % instances]
    // somewhere on the way: what runs at four kills in a row is put aside as the cause of them
    const taken = () => talkers.reduce((sum, talker) => sum + talker.answered, 0)
    const goal = ((kill + Math.random()) / kills) * people * steps.length
    while (taken() < goal) await sleep(5)
    await bot?.kill()
    startsMs.push((await bot?.start())?.ms ?? 0)
  }
  const open = () => talkers.filter(({ ended }) => !ended).length
  while (open() > 0 && performance.now() - began < patienceMs) await sleep(50)
  const seconds = (performance.now() - began) / 1_000
  for (const bot of bots) await bot.stop()
  const dir = path.join(bots[0]?.dataDir ?? '', 'database')
  const database = await openDatabase({ url: databaseUrl, dir, log: quietLog() })
  const rows = await database.query<{ person: number; said: string }>(
    'select person, said from talk_rows',
  )
  const [left] = await database.query<{ count: number }>(
    'select count(*)::int as count from user_sessions',
  )
  // an update that runs while four processes end is put aside as what may have ended them
  const [aside] = await database.query<{ count: number }>(
    'select count(*)::int as count from inbox where error is not null',
  )
  await database.close()
  await api.close()
  const persons = new Set(rows.map(({ person }) => Number(person)))
  const wrong = rows.filter(({ person, said }) => byChat.get(Number(person))?.all !== said)
  return [
    name,
    `${people} × ${steps.length}`,
    `${kills}`,
    `${people - persons.size}`,
    `${rows.length - persons.size}`,
    `${wrong.length}`,
    `${left?.count}`,
    `${aside?.count}`,
    seconds.toFixed(1),
    (startsMs.reduce((all, ms) => all + ms, 0) / startsMs.length / 1_000).toFixed(1),
  ]
}

const results = [await killed('embedded', 1)]
if (process.env.TEST_DATABASE_URL === undefined)
  console.log('No PostgreSQL: set TEST_DATABASE_URL.')
else results.push(await killed('PostgreSQL, two instances', 2, await freshUrl()))
printTable(
  [
    'database',
    'dialogs × steps',
    'kills',
    'lost',
    'ended twice',
    'with a step lost or taken twice',
    'left open',
    'updates put aside',
    'all done after, s',
    'of that a start, s',
  ],
  results,
)
process.exit(results.some((row) => row.slice(3, 7).some((cell) => cell !== '0')) ? 1 : 0)
