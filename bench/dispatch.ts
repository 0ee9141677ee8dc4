// Cost of an update inside the process, by number of registered commands: ours, Telegraf, grammY.
import path from 'node:path'
import { Bot } from 'grammy'
// biome-ignore lint/style/noRestrictedImports: the peer that is measured against
import { Telegraf } from 'telegraf'
import type { MessageEntity, Update, UserFromGetMe } from 'telegraf/types'
import { type Database, openDatabase } from '../core/database/connection.ts'
import { migrateCore } from '../core/database/migration/core.ts'
import { freshFolder } from '../test/support/folders.ts'
import { sized } from './report/size.ts'
import { median, spread } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { commandPlugins, counter } from './subject/commands.ts'
import { writeFiles } from './subject/folder.ts'
import { openPipeline, quietLog } from './subject/pipeline.ts'

const counts = [1, 10, 100, 500]
const texts = { first: () => '/cmd0', last: (n: number) => `/cmd${n - 1}`, text: () => 'hello' }
const runs = sized({ small: 3, full: 9 })
const updatesPerRun = sized({ small: 2_000, full: 10_000 })
/** A router whose cost grows with the commands gets fewer updates, or it would take minutes. */
const peerBudget = sized({ small: 20_000, full: 200_000 })

type Kind = keyof typeof texts
type Handle = (update: Update) => Promise<unknown>

const botInfo = {
  id: 42,
  is_bot: true,
  first_name: 'Bench',
  username: 'bench_bot',
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
} satisfies UserFromGetMe

const ours = 'opsgram: dispatch'
const whole = 'opsgram: whole handling'

async function handlersFor(count: number, database: Database): Promise<Record<string, Handle>> {
  const plugins = path.join(freshFolder(), 'plugins')
  writeFiles(plugins, commandPlugins(count))
  const pipeline = await openPipeline({ botInfo, database, plugins })
  return {
    [ours]: (update) => pipeline.dispatch(update),
    [whole]: (update) => pipeline.handle(update),
    Telegraf: telegraf(count),
    grammY: grammy(count),
  }
}

const count = async () => {
  counter.hits++
}
const pass = async (_ctx: unknown, next: () => Promise<void>) => {
  await next()
}

function telegraf(commands: number): Handle {
  const bot = new Telegraf(`${botInfo.id}:bench`)
  bot.botInfo = botInfo
  bot.use(pass, pass, pass)
  for (let i = 0; i < commands; i++) bot.command(`cmd${i}`, count)
  bot.on('text', count)
  return (update) => bot.handleUpdate(update)
}

function grammy(commands: number): Handle {
  type Options = NonNullable<ConstructorParameters<typeof Bot>[1]>
  // its type asks for fields of a newer Bot API, which no handler here reads
  const bot = new Bot(`${botInfo.id}:bench`, { botInfo } as unknown as Options)
  bot.use(pass, pass, pass)
  for (let i = 0; i < commands; i++) bot.command(`cmd${i}`, count)
  bot.on('message:text', count)
  return (update) => bot.handleUpdate(update as Parameters<typeof bot.handleUpdate>[0])
}

function updateOf(id: number, text: string): Update {
  const entities: MessageEntity[] =
    text[0] === '/' ? [{ offset: 0, length: text.length, type: 'bot_command' }] : []
  return {
    update_id: id,
    message: {
      message_id: id,
      date: 1_700_000_000,
      from: { id: 7, is_bot: false, first_name: 'U' },
      chat: { id: 7, type: 'private', first_name: 'U' },
      text,
      ...(entities.length > 0 && { entities }),
    },
  }
}

/** @returns microseconds an update */
async function measure(handle: Handle, text: string, updates: number): Promise<number> {
  const made = Array.from({ length: updates }, (_, i) => updateOf(i, text))
  counter.hits = 0
  const began = performance.now()
  for (const update of made) await handle(update)
  const us = ((performance.now() - began) / updates) * 1_000
  if (counter.hits !== updates) throw new Error(`${text}: ${counter.hits} of ${updates} handled`)
  return us
}

const log = quietLog()
const database = await openDatabase({ dir: path.join(freshFolder(), 'database'), log })
await migrateCore(database, 'auto', log)

const results = new Map<string, number[]>()
for (const n of counts) {
  const handlers = Object.entries(await handlersFor(n, database))
  // the first run warms up; subjects take turns, so that a busy moment hits all of them
  for (let run = 0; run <= runs; run++) {
    for (const [name, handle] of handlers) {
      const isPeer = name === 'Telegraf' || name === 'grammY'
      const updates = isPeer ? Math.min(updatesPerRun, Math.ceil(peerBudget / n)) : updatesPerRun
      for (const kind of Object.keys(texts) as Kind[]) {
        const us = await measure(handle, texts[kind](n), updates)
        const key = `${name} ${kind} ${n}`
        if (run > 0) results.set(key, [...(results.get(key) ?? []), us])
      }
    }
  }
}

const of = (name: string, kind: Kind, n: number) => results.get(`${name} ${kind} ${n}`) ?? []
const rows: string[][] = []
for (const name of [ours, 'Telegraf', 'grammY', whole]) {
  for (const kind of Object.keys(texts) as Kind[]) {
    const most = counts.at(-1) ?? 0
    const ratio = median(of(name, kind, most)) / median(of(ours, kind, most))
    const cells = counts.map((n) => spread(of(name, kind, n)))
    rows.push([name, kind, ...cells, `${ratio.toFixed(1)}×`])
  }
}
console.log(
  `\nµs an update, median [min..max] of ${runs} runs; "first" and "last" of the registered commands,`,
)
console.log('"text" passes over all of them. The ratio is to our dispatch, with 500 commands.')
printTable(['router', 'update', ...counts.map((n) => `n=${n}`), 'ratio'], rows)
await database.close()
process.exit()
