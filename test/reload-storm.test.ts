import { expect } from 'chai'
import { BotProcess, type LogLine } from './support/bot-process.ts'
import { until } from './support/wait.ts'

const echo = (version: number, broken: boolean) => `
import { definePlugin } from 'opsgram'
import { z } from 'zod'
export default definePlugin({
  name: 'echo',
  version: '1.0.${version}',
  commands: ({ command }) => ({
    echo: command({
      description: 'Echoes',
      args: z.object({ n: z.number() }),
      run: (ctx, { n }) => 'v${version} u' + ctx.update.update_id + ' n' + n,
    }),
  }),
})
${broken ? 'export const = 1' : ''}
`

describe('saves without end, under load', function () {
  this.timeout(120_000)
  let bot: BotProcess

  before(async () => {
    bot = await BotProcess.create({
      plugins: { 'echo/index.ts': echo(0, false) },
      // tells which generation each update was taken by
      env: { LOG_LEVEL: 'debug' },
    })
    await bot.start()
  })
  after(() => bot.close())

  it('lose no update, answer none twice, keep each chat in order, and end on the newest save', async () => {
    const owner = bot.person(bot.ownerId)
    const chats = Array.from({ length: 40 }, (_, i) => bot.api.group({ title: `Ops ${i}` }))
    for (const chat of chats) owner.joins(chat)
    const saves = 20
    const total = 600
    let sent = 0
    for (let version = 1; version <= saves; version++) {
      const broken = version % 5 === 0
      bot.write('echo/index.ts', echo(version, broken))
      const upTo = Math.round((total * version) / saves)
      for (; sent < upTo; sent++) {
        const chat = chats[sent % chats.length]
        if (chat !== undefined) owner.sendText(`/echo ${sent}`, { chat })
      }
      // the next save comes when this one has been seen, or in the middle of its reload
      if (version % 2 === 0) {
        const event = broken ? 'plugin.reload.aborted' : 'plugin.reload.committed'
        const before = bot.lines.filter((line) => line.event === event).length
        await until(
          `${event} after save ${version}`,
          () => bot.lines.filter((line) => line.event === event).length > before,
          10_000,
        ).catch(() => undefined)
      }
    }
    const said = () => chats.map((chat) => bot.said(chat.id))
    await until('all are answered', () => said().flat().length >= total, 60_000)
    const numbers = said().map((texts) => texts.map((text) => Number(/ n(\d+)$/.exec(text)?.[1])))
    expect(numbers.flat().sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: total }, (_, i) => i),
    )
    for (const own of numbers) expect(own).to.deep.equal([...own].sort((a, b) => a - b))
    // within a chat no answer comes from an older version than the one before it
    for (const texts of said()) {
      const versions = texts.map((text) => Number(/^v(\d+)/.exec(text)?.[1]))
      expect(versions).to.deep.equal([...versions].sort((a, b) => a - b))
      expect(versions.some((version) => version > 0 && version % 5 === 0)).to.equal(false)
    }
    expectNoneIsBehind(said().flat(), bot.lines)
    // a save that is overwritten before it was read is nobody's loss: the newest one counts
    bot.write('echo/index.ts', echo(saves + 1, false))
    await until('the newest save serves', async () => {
      const answer = await bot.ask(bot.ownerId, '/echo 9999')
      return /^v(\d+) /.exec(answer)?.[1] === String(saves + 1)
    })
  })
})

/**
 * Every update is answered by the version of the generation that it was taken by, and what is taken after a
 * commit is taken by that generation or a later one.
 */
function expectNoneIsBehind(answers: readonly string[], lines: readonly LogLine[]): void {
  const taken = new Map<number, number>()
  const commits: { generation: number; version: string }[] = []
  for (const { event, plugin, ...line } of lines) {
    const generation = Number(line.generation)
    const isCommit = event === 'plugin.loaded' || event === 'plugin.reload.committed'
    if (isCommit && plugin === 'echo') commits.push({ generation, version: String(line.version) })
    if (event !== 'update.taken') continue
    expect(generation).to.be.at.least(commits.at(-1)?.generation ?? 0)
    taken.set(Number(line.updateId), generation)
  }
  expect(commits.length).to.be.above(5)
  for (const answer of answers) {
    const [, version, updateId] = /^v(\d+) u(\d+)/.exec(answer) ?? []
    const by = taken.get(Number(updateId)) ?? -1
    const commit = commits.findLast(({ generation }) => generation <= by)
    expect(commit?.version, answer).to.equal(`1.0.${version}`)
  }
}
