import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from './support/wait.ts'

/** What the plugin and the tests share: the test bot runs in this process. */
interface Stage {
  readonly events: string[]
  release: () => void
}

const plugin = `
import { definePlugin } from 'opsgram'
import { z } from 'zod'

const stage = globalThis.telegrafFaults
const args = z.object({ name: z.string() })

export default definePlugin({
  name: 'stage',
  version: '1.0.0',
  commands: ({ command }) => ({
    throws: command({ description: 'Throws', run() { throw new Error('no') } }),
    does: command({ description: 'Does', args, run(ctx, { name }) { stage.events.push('did ' + name); return 'did ' + name } }),
    slow: command({
      description: 'Takes its time',
      args,
      async run(ctx, { name }) {
        stage.events.push('begin ' + name)
        await new Promise((resolve) => { stage.release = resolve })
        stage.events.push('end ' + name)
      },
    }),
    late: command({
      description: 'Outlives its deadline',
      async run(ctx) {
        await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
        await ctx.reply('too late').catch((error) => stage.events.push('refused ' + error.code))
        return 'later still'
      },
    }),
  }),
})
`

/** The faults of Telegraf 4.16 that docs/telegram.md lists: what a bot of ours does in the same situation. */
describe('where Telegraf fails', function () {
  this.timeout(60_000)
  let bot: TestBot
  let stage: Stage

  before(async () => {
    stage = { events: [], release: () => undefined }
    Object.assign(globalThis, { telegrafFaults: stage })
    bot = await createTestBot({ handlerLimitMs: 5_000 })
    await bot.dropPlugin('stage', { 'index.ts': plugin })
  })
  beforeEach(() => {
    stage.events.length = 0
  })
  after(() => bot.stop())

  it('T3: a handler that throws ends neither polling nor what came with it', async () => {
    const ann = bot.user({ role: 'operator' })
    const ben = bot.user({ role: 'operator' })
    await bot.owner.sends('/throws')
    await ann.sends('/does one')
    await ben.sends('/throws')
    await ann.sees('did one')
    await bot.settled()
    await ben.sends('/does two')
    await ben.sees('did two')
  })

  it('T30: an error is a line in the log, and nothing on the console', async () => {
    const { error: original } = console
    const printed: unknown[] = []
    console.error = (...args: unknown[]) => printed.push(args)
    try {
      await bot.owner.sends('/throws')
      await bot.settled()
    } finally {
      console.error = original
    }
    expect(printed).to.deep.equal([])
    expect(process.exitCode).to.equal(undefined)
    const failed = bot.log.filter(({ event }) => event === 'update.failed')
    expect(failed.at(-1)?.fields).to.have.property('errorId')
  })

  it('T6: a slow handler holds up no other chat', async () => {
    const ann = bot.user({ role: 'operator' })
    await bot.owner.sends('/slow one')
    await until('the slow one', () => stage.events.includes('begin one'))
    await ann.sends('/does two')
    await ann.sees('did two')
    expect(stage.events).to.deep.equal(['begin one', 'did two'])
    stage.release()
    await bot.settled()
  })

  it('T7: of one chat one update runs at a time, in their order', async () => {
    await bot.owner.sends('/slow one')
    await bot.owner.sends('/does two')
    await bot.owner.sends('/does three')
    await until('the slow one', () => stage.events.includes('begin one'))
    const ann = bot.user({ role: 'operator' })
    // a whole round trip of another chat: whatever could overtake has had its time
    await ann.sends('/does other')
    await ann.sees('did other')
    stage.release()
    await bot.settled()
    expect(stage.events.filter((event) => !event.endsWith('other'))).to.deep.equal([
      'begin one',
      'end one',
      'did two',
      'did three',
    ])
  })

  it('T19: an update that Telegram hands out twice is handled once', async () => {
    const { api } = bot.telegram
    api.faults.add({ kind: 'duplicate', method: 'getUpdates', times: 1 })
    await bot.owner.sends('/does once')
    await bot.owner.sees('did once')
    await bot.owner.sends('/does again')
    await bot.owner.sees('did again')
    await bot.settled()
    expect(stage.events).to.deep.equal(['did once', 'did again'])
  })

  // a handler that hangs puts its plugin out of action: last but one
  it('T5: what a handler does after its deadline is neither sent nor answered', async () => {
    await bot.owner.sends('/late')
    await until('the deadline', () => stage.events.length > 0)
    await bot.settled()
    expect(stage.events).to.deep.equal(['refused OPS_DEADLINE'])
    const said = bot.telegram.api.messages(bot.owner.id).map(({ text }) => text)
    expect(said).to.not.include('too late')
    expect(said).to.not.include('later still')
  })

  it('T29: what a plugin had registered goes with it', async () => {
    await bot.removePlugin('stage')
    await bot.owner.sends('/does nothing')
    await bot.settled()
    expect(stage.events).to.deep.equal([])
  })
})
