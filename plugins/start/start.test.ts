import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { bundled } from './checklist.ts'

const first = ['start', 'plugins', 'worklog'].map((name) => join(import.meta.dirname, '..', name))

describe('start', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: first, env: { NOTICES: 'true' } })
  })

  after(() => bot.stop())

  describe('/start', () => {
    it('greets by name and tells how to get help', async () => {
      const anna = bot.user({ role: 'operator', firstName: 'Anna' })
      await anna.sends('/start')
      const { text } = await anna.sees('Hello, Anna!')
      expect(text).to.include('/help').and.not.include('✅')
    })

    it('shows an owner the first steps, once', async () => {
      await bot.owner.sends('/start')
      const { text } = await bot.owner.sees('first steps')
      expect(text).to.include('✅ The bot runs, with 4 plugins')
      expect(text).to.include('/users add')
      expect(text).to.include('▫️ Write down a piece of work: /log')
      await bot.owner.sends('/start')
      await bot.owner.sees('Hello')
      await bot.owner.doesNotSee('first steps')
    })
  })

  it('takes no plugin that comes with the bot for one of the team', async () => {
    const folders = await readdir(join(import.meta.dirname, '..'), { withFileTypes: true })
    const names = folders.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    expect([...bundled]).to.include.members(names)
  })

  describe('/help', () => {
    const helpFor = async (role: string) => {
      const person = bot.user({ role })
      await person.sends('/help')
      return (await person.sees('What you can use here')).text
    }

    it('shows each person only what that person may use', async () => {
      const guest = await helpFor('guest')
      expect(guest).to.include('/whoami')
      for (const command of ['/log', '/worklog', '/plugins', '/users']) {
        expect(guest, command).to.not.include(command)
      }
      const operator = await helpFor('operator')
      expect(operator).to.include('/log <duration: 1h30> <text…>').and.include('/worklog list')
      for (const command of ['/worklog sync', '/plugins']) {
        expect(operator, command).to.not.include(command)
      }
      const admin = await helpFor('admin')
      expect(admin).to.include('/plugins show').and.not.include('/plugins reload')
      await bot.owner.sends('/help')
      await bot.owner.sees('/plugins reload')
    })

    it('explains one command with its arguments', async () => {
      const operator = bot.user({ role: 'operator' })
      await operator.sends('/help /log')
      const { text } = await operator.sees('/log <duration: 1h30> <text…>')
      expect(text).to.match(/• duration — how long it took/)
      await operator.sends('/help worklog list')
      await operator.sees('• person (may be left out)')
      await bot.owner.sends('/help users')
      const users = await bot.owner.sees('• page (may be left out)')
      expect(users.text).to.not.include('has to be given')
    })

    it('does not explain what the caller may not use', async () => {
      const guest = bot.user({ role: 'guest' })
      await guest.sends('/help log')
      await guest.sees('There is no command “log” that you can use here')
    })

    it('speaks Russian to Russians', async () => {
      const boris = bot.user({ role: 'operator', firstName: 'Борис', languageCode: 'ru' })
      await boris.sends('/help')
      const { text } = await boris.sees('Что вам здесь доступно')
      expect(text).to.include('worklog · Журнал работ')
      expect(text).to.include('Записать выполненную работу')
      await boris.sends('/help log')
      await boris.sees('• duration — сколько заняло')
    })
  })

  describe('/whoami', () => {
    it('shows id, role, language, time zone and permissions', async () => {
      const anna = bot.user({ role: 'operator', firstName: 'Anna' })
      await anna.sends('/whoami')
      const { text } = await anna.sees('Anna')
      expect(text).to.include(`Id: ${anna.id}`).and.include('Role: operator')
      expect(text).to.include('Time zone: UTC')
      expect(text).to.include('You hold 2 permissions:')
      expect(text).to.include('worklog.write — Write down own work')
    })

    it('shows when access ends, where one is, and to owners not the whole list', async () => {
      const anna = bot.user({ role: 'operator', firstName: 'An<b>na', username: 'anna_ops' })
      await bot.settled()
      await bot.database.query(
        `update bot_users set access_until = now() + interval '3 days' where telegram_id = $1`,
        [anna.id],
      )
      const group = bot.group({ members: [anna] })
      await anna.in(group).sends('/whoami')
      const { text } = await anna.in(group).sees('An<b>na')
      expect(text)
        .to.include('@anna_ops')
        .and.include('Your access ends on')
        .and.include(`This chat: ${group.id}`)
        .and.include('You hold 2 permissions in this chat')
      await bot.owner.sends('/whoami')
      const owner = await bot.owner.sees('You are an owner')
      expect(owner.text).to.not.include('worklog.write')
    })

    it('counts in Russian', async () => {
      const boris = bot.user({ role: 'operator', firstName: 'Борис', languageCode: 'ru' })
      await boris.sends('/whoami')
      await boris.sees('У вас 2 права')
    })

    it('answers also people whose language pack has an odd name', async () => {
      const wei = bot.user({ role: 'guest', firstName: 'Wei', languageCode: 'zh-hans-raw' })
      await wei.sends('/whoami')
      await wei.sees('You hold no permissions.')
    })
  })
})

describe('start without notices', () => {
  it('greets owners as everybody', async () => {
    await using bot = await createTestBot({ plugins: first })
    await bot.owner.sends('/start')
    await bot.owner.sees('Hello')
    await bot.owner.doesNotSee('first steps')
  })
})
