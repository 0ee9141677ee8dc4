import { resolve } from 'node:path'
import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { wordPlugin } from './support/plugins.ts'
import { until } from './support/wait.ts'

const auth = resolve(import.meta.dirname, '../plugins/auth')

/** Lets everybody in, whoever is in ADMIN_IDS as an owner. */
const openDoor = `
import { Authenticator, Authorizer, definePlugin, Settings } from 'opsgram'

export default definePlugin({
  name: 'door',
  version: '1.0.0',
  uses: { settings: Settings },
  setup: ({ use }) => ({
    authenticator: {
      async authenticate({ userId }) {
        const role = use.settings.ownerIds.includes(userId) ? 'owner' : 'operator'
        return { admitted: true, actor: { kind: 'user', id: String(userId), telegramId: userId, name: role, role } }
      },
    },
    authorizer: { permissionsOf: async () => () => true },
  }),
  provides: { authenticator: Authenticator, authorizer: Authorizer },
})
`

describe('a deployment', function () {
  this.timeout(240_000)
  let bot: BotProcess
  const visitor = 4_004

  before(async () => {
    bot = await BotProcess.create({
      firstParty: false,
      plugins: { 'word/index.ts': wordPlugin('word', 'hello') },
      env: { NOTICES: 'true' },
    })
    bot.copy(auth, 'auth')
    await bot.start()
  })
  after(() => bot.close())

  const card = (pattern: RegExp) =>
    until(
      `a card ${pattern}`,
      () => bot.api.messages(bot.ownerId).findLast(({ text }) => pattern.test(text)),
      60_000,
    )

  it('is accepted as it is at the first start ever: nobody is asked', async () => {
    expect(await bot.ask(bot.ownerId, '/word')).to.equal('hello')
    const { plugins } = await bot.event('access.baseline')
    expect(plugins).to.deep.equal(['auth', 'word'])
    expect(bot.lines.some(({ event }) => event === 'access.opening')).to.equal(false)
  })

  it('that brings another authenticator lets nobody in but owners', async () => {
    await bot.stop()
    bot.remove('auth')
    bot.write('door/index.ts', openDoor)
    await bot.start()
    await bot.event('access.opening', { plugin: 'door' })
    bot.person(visitor).sendText('/word')
    await bot.event('auth.gate-missing', { missing: 'approval', plugin: 'door' })
    expect(bot.lines.some(({ event }) => event === 'card.changed')).to.equal(true)
    expect(bot.said(visitor)).to.deep.equal([])
  })

  it('is open when an owner has approved it, also after the next start', async () => {
    const asked = await card(/door opens more than before/)
    expect(asked.text).to.include('opsgram.authenticator: who comes in is up to this plugin')
    bot.person(bot.ownerId).press(asked, '✅ Approve')
    await card(/approved it/)
    expect(await bot.ask(visitor, '/word')).to.equal('hello')
    await bot.stop()
    await bot.start()
    expect(await bot.ask(visitor, '/word')).to.equal('hello')
  })

  it('that is broken is told to owners with the place, and that it is mended', async () => {
    await bot.stop()
    bot.write('word/index.ts', `${wordPlugin('word', 'bye')}\n}`)
    await bot.start()
    const broken = await card(/word is broken: its last good build serves/)
    expect(broken.text).to.match(/OPS_PLUGIN_BUILD .*word\/index\.ts:\d+/)
    bot.write('word/index.ts', wordPlugin('word', 'bye'))
    const mended = await card(/Mended: build \w{7} serves/)
    expect(mended.id).to.equal(broken.id)
    expect(mended.buttons).to.deep.equal([])
  })
})
