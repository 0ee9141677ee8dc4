import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from '../../../support/wait.ts'

const source = (word: string) => `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'menu',
  version: '1.0.0',
  permissions: { 'menu.serve': { description: 'Serve', roles: ['operator'] } },
  commands: ({ command }) => ({
    open: command({ description: '${word}', aliases: ['o'], run: () => 'open' }),
    start: command({ description: 'Begin', run: () => 'hello' }),
    ask: command({ description: 'Ask', audience: 'everyone', run: () => 'ask' }),
    serve: command({ description: 'Serve', permission: 'menu.serve', run: () => 'serve' }),
    crowd: command({ description: 'Crowd', chats: 'group', run: () => 'crowd' }),
  }),
})
`
const german = JSON.stringify({
  commands: { ask: { description: 'Fragen' }, open: { description: 'Öffnen' } },
})
/** One list a second. */
const patienceMs = 20_000

describe('command menus', () => {
  let bot: TestBot
  let operator: TestPerson

  before(async () => {
    bot = await createTestBot()
    await bot.dropPlugin('menu', { 'index.ts': source('Open'), 'locales/de.json': german })
    operator = bot.user({ role: 'operator' })
  })
  after(() => bot?.stop())

  const seenBy = ({ telegram }: TestPerson, language = 'en') =>
    bot.telegram.api.world.commands
      .seenBy(telegram.id, telegram.chat, language)
      .map(({ command, description }) => `${command}: ${description}`)
  const lists = () => bot.telegram.calls('setMyCommands')

  it('show strangers how to begin and what is open to everyone, in their language', async () => {
    const stranger = bot.user()
    const all = ['ask: Ask', 'start: Begin']
    await until('the menu is there', () => String(seenBy(stranger)) === String(all), patienceMs)
    await until('in German too', () => seenBy(stranger, 'de').includes('ask: Fragen'), patienceMs)
  })

  it('show groups what every active user may use there', async () => {
    const group = bot.group({ members: [operator] })
    const seen = (language = 'en') =>
      bot.telegram.api.world.commands
        .seenBy(operator.id, group, language)
        .map(({ command }) => command)
        .join()
    await until('the menu is there', () => seen() === 'ask,crowd,open,start', patienceMs)
    await until('in German too', () => seen('de') === 'ask,crowd,open,start', patienceMs)
  })

  it('leave out in a group what is switched off there, in its language, until that is taken back', async () => {
    const group = bot.group({ members: [operator] })
    const seen = (language = 'en') =>
      bot.telegram.api.world.commands
        .seenBy(operator.id, group, language)
        .map(({ command, description }) => `${command}: ${description}`)
        .join()
    const decide = async (off: string, language: string | null) => {
      await bot.database.query(
        `insert into chat_settings (chat_id, plugins_off, language) values ($1, $2, $3)
         on conflict (chat_id) do update set plugins_off = excluded.plugins_off, language = excluded.language`,
        [group.id, off, language],
      )
      await operator.in(group).sends('/crowd')
      await bot.settled()
    }
    const other = `
      import { definePlugin } from 'opsgram'
      export default definePlugin({
        name: 'other', version: '1.0.0',
        commands: ({ command }) => ({ rest: command({ description: 'Rest', chats: 'group', run: () => 'rest' }) }),
      })`
    await bot.dropPlugin('other', { 'index.ts': other })
    await until('both are there', () => seen().includes('rest: Rest'), patienceMs)
    const all = seen()
    await decide('["menu"]', null)
    await until('it is off', () => !seen().includes('crowd: Crowd'), patienceMs)
    expect(seen()).to.include('rest: Rest')
    await decide('[]', 'de')
    await until('in German', () => seen().includes('ask: Fragen'), patienceMs)
    await decide('[]', null)
    await until('as before', () => seen() === all && seen('de').includes('Fragen'), patienceMs)
  })

  it('show a known person what that one may use in private', async () => {
    await operator.sends('/open')
    await until('it has /serve', () => seenBy(operator).includes('serve: Serve'), patienceMs)
    expect(seenBy(operator).join()).not.to.include('crowd')
  })

  it('follow a reload, also when Telegram fails meanwhile', async () => {
    bot.telegram.fail('setMyCommands', 500)
    await bot.edit('menu', { 'index.ts': source('Unlock') })
    await until('all know', () => seenBy(operator).includes('open: Unlock'), patienceMs)
  })

  it('are not sent again when nothing changed', async () => {
    const before = lists().length
    await bot.reload('menu')
    await operator.sends('/open')
    await operator.sees('open')
    await bot.settled()
    expect(lists()).to.have.length(before)
  })

  it('are taken away with their language, and from who is no longer let in', async () => {
    await bot.edit('menu', { 'locales/de.json': null })
    await bot.database.query(`update bot_users set status = 'blocked' where telegram_id = $1`, [
      operator.id,
    ])
    await operator.sends('/open')
    await until('no more /serve', () => !seenBy(operator).join().includes('serve'), patienceMs)
    await until('no more German', () => seenBy(operator, 'de').includes('ask: Ask'), patienceMs)
  })

  it('have no more commands than Telegram takes', async () => {
    const names = Array.from({ length: 120 }, (_, i) => `c${String(i).padStart(3, '0')}`)
    const many = `
      import { definePlugin } from 'opsgram'
      const names = ${JSON.stringify(names)}
      export default definePlugin({
        name: 'many', version: '1.0.0',
        commands: ({ command }) => Object.fromEntries(names.map((name) => [name, command({ description: 'One', run: () => name })])),
      })`
    await bot.dropPlugin('many', { 'index.ts': many })
    const someone = bot.user({ role: 'operator' })
    await someone.sends('/c119')
    await someone.sees('c119')
    await until('it has a list', () => seenBy(someone).includes('c000: One'), patienceMs)
    expect(seenBy(someone)).to.have.length(100)
  })
})
