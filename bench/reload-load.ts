// Saves without end under load, a fifth of them broken: what is lost, doubled or out of order, and how
// long a reload takes and blocks; then saves while a handler runs for a long time.
import { setTimeout as sleep } from 'node:timers/promises'
import { startFakeBotApi } from '../core/testing/bot-api/server.ts'
import type { Chat } from '../core/testing/bot-api/world/chat.ts'
import { sized } from './report/size.ts'
import { quantile } from './report/statistics.ts'
import { printTable } from './report/table.ts'
import { Bot, type LogLine, ownerId } from './subject/bot.ts'
import { writeFiles } from './subject/folder.ts'
import { echoPlugin, probePlugin } from './subject/stormed-plugins.ts'

const seconds = sized({ small: 10, full: 600 })
const chatCount = sized({ small: 40, full: 200 })
const perSecond = sized({ small: 50, full: 200 })
const slowSeconds = sized({ small: 20, full: 30 })
const saveEveryMs = 200
const tickMs = 50

interface Save {
  readonly version: number
  /** Milliseconds since the epoch, as the probe's. */
  readonly at: number
  liveAt?: number
  commitMs?: number
}

const api = await startFakeBotApi({ historyLimit: 1_000_000, journalLimit: 100 })
const owner = api.user({ id: ownerId })
const bot = new Bot({ api })
writeFiles(bot.plugins, { 'echo/index.ts': echoPlugin(0), 'probe/index.ts': probePlugin })

const saves: Save[] = []
/** Each time the event loop was late: when it was free again, and by how much, ms. */
const blocks: { at: number; ms: number }[] = []
let version = 0
let generation = 0

function read(line: LogLine): void {
  if (line.event === 'probe.blocks') blocks.push(...(line.blocks as typeof blocks))
  if (line.event !== 'plugin.reload.committed' || line.plugin !== 'echo') return
  if (Number(line.generation) <= generation) throw new Error('a generation came twice')
  generation = Number(line.generation)
  const patch = Number(String(line.version).split('.')[2])
  const save = saves.find((one) => one.version === patch)
  if (save === undefined) return
  save.liveAt = epoch()
  save.commitMs = Number(line.commitMs)
}

function epoch(): number {
  return performance.timeOrigin + performance.now()
}

function save(): void {
  version++
  const isBroken = version % 5 === 0
  if (!isBroken) saves.push({ version, at: epoch() })
  writeFiles(bot.plugins, { 'echo/index.ts': echoPlugin(version, isBroken) })
}

async function storm(chats: readonly Chat[]): Promise<number> {
  let sent = 0
  const ends = performance.now() + seconds * 1_000
  const saving = setInterval(save, saveEveryMs)
  const began = performance.now()
  while (performance.now() < ends) {
    const due = ((performance.now() - began) / 1_000) * perSecond
    for (; sent < due; sent++) {
      const chat = chats[sent % chats.length]
      if (chat !== undefined) owner.sendText(`/echo ${sent}`, { chat })
    }
    await sleep(tickMs)
  }
  clearInterval(saving)
  return sent
}

/** What the bot said in a chat, as version and number of the update. */
function answersIn(chat: Chat): { version: number; n: number }[] {
  return api
    .messages(chat.id)
    .filter(({ byBot }) => byBot)
    .map(({ text }) => {
      const [, version, n] = /^v(\d+) n(\d+)$/.exec(text) ?? []
      return { version: Number(version), n: Number(n) }
    })
}

async function settled(chats: readonly Chat[], sent: number): Promise<void> {
  const ends = performance.now() + 60_000
  const answered = () => chats.reduce((sum, chat) => sum + answersIn(chat).length, 0)
  while (answered() < sent && performance.now() < ends) await sleep(500)
}

function isSorted(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => index === 0 || number >= (numbers[index - 1] ?? 0))
}

function verdict(chats: readonly Chat[], sent: number): string[] {
  const all = chats.map(answersIn)
  const numbers = all.flat().map(({ n }) => n)
  const distinct = new Set(numbers).size
  const astray = all.filter((answers) => !isSorted(answers.map(({ n }) => n))).length
  const behind = all.filter((answers) => !isSorted(answers.map((each) => each.version))).length
  return [sent, sent - distinct, numbers.length - distinct, astray, behind].map(String)
}

/** p50 / p99 / most. */
function spreadOf(values: readonly number[], digits = 1): string {
  if (values.length === 0) return 'none'
  return [quantile(values, 0.5), quantile(values, 0.99), Math.max(...values)]
    .map((value) => value.toFixed(digits))
    .join(' / ')
}

function timesOf(some: readonly Save[]): string[] {
  const live = some.filter((one) => one.liveAt !== undefined)
  const blocked = live.map(({ at, liveAt = 0 }) => {
    const within = blocks.filter((block) => block.at >= at && block.at <= liveAt + 20)
    return Math.max(0, ...within.map(({ ms }) => ms))
  })
  return [
    `${live.length} of ${some.length}`,
    spreadOf(
      live.map(({ at, liveAt = at }) => liveAt - at),
      0,
    ),
    spreadOf(
      live.map(({ commitMs = 0 }) => commitMs),
      2,
    ),
    spreadOf(blocked),
  ]
}

/** Saves one after the other, each when the one before is live. */
async function inTurn(count: number): Promise<Save[]> {
  const from = saves.length
  while (saves.length - from < count) {
    const committed = bot.line(
      ({ event, plugin }) =>
        (event === 'plugin.reload.committed' || event === 'plugin.reload.aborted') &&
        plugin === 'echo',
    )
    save()
    await committed
    await sleep(saveEveryMs)
  }
  return saves.slice(from)
}

await bot.start()
bot.follow(read)
const chats = Array.from({ length: chatCount }, (_, i) => api.group({ title: `Ops ${i}` }))
for (const chat of chats) owner.joins(chat)
const sent = await storm(chats)
await settled(chats, sent)
const stormed = [...saves]

const quiet = await inTurn(20)
const slow = bot.line(({ event }) => event === 'echo.slow')
owner.sendText(`/slow ${slowSeconds}`)
await slow
// asked for before, as it may come while the last saves are made
const answer = api.next('message', (message) => message.text.startsWith('slow v'), 300_000)
const beside = await inTurn(20)
const { text } = await answer
// the probe tells what it saw in the last half second
await sleep(1_000)

console.log(
  `\n${perSecond} updates/s over ${chatCount} chats for ${seconds} s, a save every ${saveEveryMs} ms, one in five broken.`,
)
printTable(
  ['updates', 'lost', 'answered twice', 'chats out of order', 'chats that went back a version'],
  [verdict(chats, sent)],
)
console.log(
  `ms, p50 / p99 / most. "live": from write() to the log line of the commit. "commit": step 8 alone. "block": the`,
)
console.log(
  'longest time between the save and the commit in which the event loop did nothing else, by a timer of 1 ms.',
)
console.log('A save that was written over before it was read is never live.')
printTable(
  ['saves', 'live', 'save → live', 'commit', 'block'],
  [
    ['under load', ...timesOf(stormed)],
    ['with nothing beside them', ...timesOf(quiet)],
    [`during a handler of ${slowSeconds} s (it said "${text}")`, ...timesOf(beside)],
  ],
)
await bot.stop()
await api.close()
process.exit()
