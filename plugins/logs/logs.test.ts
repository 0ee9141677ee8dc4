import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const fragile = {
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'fragile',
  version: '1.0.0',
  commands: ({ command }) => ({
    fall: command({
      description: 'Fails',
      run(ctx) {
        ctx.log.info('fragile.begun', {})
        throw new Error('no room for 17 <boxes>, password: hunter2', { cause: new TypeError('full') })
      },
    }),
  }),
})
`,
}

describe('the log', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
    await bot.dropPlugin('fragile', fragile)
  })
  after(() => bot.stop())

  /** @returns the id that the person was told */
  async function fall(): Promise<string> {
    await bot.owner.sends('/fall')
    const { text } = await bot.owner.sees(/E-[2-9A-Z]{5}/)
    return /E-[2-9A-Z]{5}/.exec(text)?.[0] ?? ''
  }

  describe('errors', () => {
    it('are told by their id, with place for owners, without secrets', async () => {
      const id = await fall()
      await bot.owner.sends(`/error ${id.slice(2).toLowerCase()}`)
      const { text } = await bot.owner.sees(`${id} · fragile.fall`)
      expect(text)
        .to.include('Error: no room for 17 <boxes>')
        .and.include(`Person ${bot.owner.id}`)
        .and.include('update.failed')
        .and.include('Seen this once')
        .and.match(/at run \(plugins\/fragile\/index\.ts:\d+:\d+\)/)
        .and.include('caused by TypeError')
      expect(text).not.to.include('hunter2')
    })

    it('are counted when they come again', async () => {
      const second = await fall()
      await bot.owner.sends(`/error ${second}`)
      await bot.owner.sees(new RegExp(`Seen 2 times: first .+ \\(${second}\\)`))
      await bot.owner.sends('/error')
      const { text } = await bot.owner.sees('The newest errors')
      expect(text).to.match(new RegExp(`${second} · .+ · fragile.fall · Error: no room`))
    })

    it('are shown to admins without the place, to others not at all', async () => {
      const id = await fall()
      const admin = bot.user({ role: 'admin' })
      await admin.sends(`/error ${id}`)
      const { text } = await admin.sees(`${id} · fragile.fall`)
      expect(text).not.to.include('index.ts')
      const operator = bot.user({ role: 'operator' })
      await operator.sends(`/error ${id}`)
      expect((await operator.sees()).text).not.to.include('fragile')
    })

    it('that nobody knows are said to be unknown', async () => {
      await bot.owner.sends('/error E-22222')
      await bot.owner.sees('Nothing is on record of an error “E-22222”')
    })

    it('have the id of their update in every line of the handler', async () => {
      await fall()
      const begun = await bot.logged('fragile.begun')
      const updates = bot.log.filter(({ fields }) => fields.updateId === begun.fields.updateId)
      expect(updates.map(({ event }) => event)).to.include.members([
        'fragile.begun',
        'update.failed',
        'update.dead-lettered',
      ])
    })
  })

  describe('levels', () => {
    /** Of the log, after the next change of it. */
    const changed = async () => (await bot.logged('log.levels-changed')).fields

    it('are shown, and changed for one plugin until a time', async () => {
      await bot.owner.sends('/loglevel')
      await bot.owner.sees('Level of all: info · by LOG_LEVEL')
      await bot.owner.sends('/loglevel debug fragile 30m')
      await bot.owner.sees(/fragile debug · wanted by .+, until /)
      expect(await changed())
        .to.include({ level: 'info' })
        .and.deep.include({ plugins: { fragile: 'debug' } })
      await bot.clock.advance(31 * 60_000)
      expect(await changed()).to.deep.include({ plugins: {} })
      await bot.owner.sends('/loglevel')
      expect((await bot.owner.sees('Level of all')).text).not.to.include('fragile')
    })

    it('hold over restarts, are on record, and reset', async () => {
      await bot.owner.sends('/loglevel warn')
      await bot.owner.sees('Level of all: warn')
      expect(await changed()).to.include({ level: 'warn' })
      await bot.restart()
      expect(await changed()).to.include({ level: 'warn' })
      await bot.owner.sends('/loglevel reset')
      await bot.owner.sees('Level of all: info · by LOG_LEVEL')
      expect(await changed()).to.include({ level: 'info' })
      const rows = await bot.database.query(
        `select target, before, after from audit_log where action = 'logs.level' order by id`,
      )
      expect(rows).to.have.length(3)
      expect(rows[1]).to.deep.include({
        target: 'log',
        before: { level: 'info' },
        after: { level: 'warn' },
      })
    })

    it('of unknown plugins, and of others than those who may, are refused', async () => {
      await bot.owner.sends('/loglevel debug nobody')
      await bot.owner.sees('There is no plugin “nobody”')
      const admin = bot.user({ role: 'admin' })
      await admin.sends('/loglevel debug')
      expect((await admin.sees()).text).not.to.include('Level of')
      await bot.owner.sends('/loglevel')
      await bot.owner.sees('Level of all: info · by LOG_LEVEL')
    })
  })
})
