import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from './support/wait.ts'

const shaky = (word: string, fails: boolean) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'shaky',
  version: '1.0.0',
  permissions: { 'shaky.use': { description: 'Shake', roles: ['operator'] } },
  commands: ({ command }) => ({
    shake: command({
      description: 'May fail',
      permission: 'shaky.use',
      run: () => { ${fails ? "throw new Error('shaken')" : ''}; return '${word}' },
    }),
  }),
})
`,
})
const desk = (...names: string[]) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'desk',
  version: '1.0.0',
  commands: ({ command }) => ({
    ${names.map((name) => `${name}: command({ description: '${name}', run: () => 'here is ${name}' }),`).join('\n')}
  }),
})
`,
})
/** Edits of one card come at most so often in the test kit, ms. */
const paceMs = 300
const patient = { within: 20_000 }

describe('cards for owners', function () {
  this.timeout(120_000)
  let bot: TestBot
  let olga: TestPerson
  let oleg: TestPerson
  let operator: TestPerson

  before(async () => {
    bot = await createTestBot({
      plugins: ['./plugins/plugins', './plugins/start'],
      openings: 'ask',
      owners: [
        { firstName: 'Olga' },
        { firstName: 'Oleg', languageCode: 'ru' },
        { firstName: 'Silent' },
      ],
      env: { NOTICES: 'true' },
    })
    ;[olga, oleg] = bot.owners as [TestPerson, TestPerson]
    operator = bot.user({ role: 'operator' })
    for (const owner of [olga, oleg]) {
      await owner.sends('/whoami')
      await owner.sees()
    }
  })
  after(() => bot?.stop())

  const cardsIn = (person: TestPerson, pattern: RegExp) =>
    person.telegram.chat.messages.filter(
      // what tells of the bot's start names plugins too
      ({ byBot, text }) => byBot && pattern.test(text) && !/^\S+ Opsgram /.test(text),
    )
  async function quarantine(): Promise<void> {
    await bot.edit('shaky', shaky('bad', true))
    for (let i = 0; i < 5; i++) {
      await operator.sends('/shake')
      await operator.sees('on record', patient)
    }
    await until('it is quarantined', () => bot.plugin('shaky').state === 'quarantined', 20_000)
  }
  const audited = (action: string) =>
    bot.database.query<{ actor_id: number; outcome: string; reason: string | null }>(
      'select actor_id, outcome, reason from audit_log where action = $1 order by id',
      [action],
    )

  describe('about a plugin in quarantine', () => {
    before(() => bot.dropPlugin('shaky', shaky('fine', false)))

    it('say what failed, how often, since when, and what each button does, in the owner’s language', async () => {
      await quarantine()
      const { text, buttons } = await olga.sees('shaky is quarantined', patient)
      expect(text).to.match(/Its last 5 runs failed, .*\nError · E-\w+(, E-\w+){4} · build \w{7}/)
      expect(text).to.match(/Roll back: puts build \w{7} back/)
      expect(buttons).to.deep.equal(['🔄 Reload', '⏪ Roll back', '⏹ Keep off'])
      expect((await oleg.sees('shaky в карантине', patient)).buttons).to.have.length(3)
    })

    it('are not sent to owners who never wrote to the bot, and to nobody else', async () => {
      expect(cardsIn(bot.owners[2] as TestPerson, /./)).to.deep.equal([])
      expect(cardsIn(operator, /quarantined|карантине/)).to.deep.equal([])
      const skipped = bot.log.find(({ event }) => event === 'card.skipped')
      expect(skipped?.fields).to.include({ reason: 'never-wrote', userId: bot.owners[2]?.id })
    })

    it('show a failed attempt, and keep their buttons', async () => {
      await bot.edit('shaky', { 'index.ts': 'broken(' }).catch(() => undefined)
      await olga.sees(/could not be loaded .*: OPS_PLUGIN_BUILD/, patient)
      await olga.presses('Reload')
      await olga.sees(/Olga tried .*: OPS_PLUGIN_/, patient)
      expect(cardsIn(olga, /quarantined/)).to.have.length(1)
    })

    it('act on a press, say who did what to all, and are pressed once', async () => {
      await olga.presses('Roll back')
      expect(bot.plugin('shaky').state).to.equal('active')
      await oleg.presses('Откатить')
      await oleg.seesAlert('Кто-то успел раньше')
      expect((await oleg.sees(/Olga: откат на сборку/, patient)).message.buttons).to.deep.equal([])
      expect((await olga.sees(/Olga rolled it back/, patient)).message.buttons).to.deep.equal([])
      expect(await audited('card.quarantine.rollback')).to.deep.equal([
        { actor_id: olga.id, outcome: 'done', reason: null },
        { actor_id: oleg.id, outcome: 'refused', reason: 'decided' },
      ])
    })

    it('say so when a save mended it', async () => {
      await quarantine()
      await olga.sees('shaky is quarantined', patient)
      await bot.edit('shaky', shaky('mended', false))
      const { text, message } = await olga.sees(/reloaded|Mended/, patient)
      expect(text).to.include('✅ shaky is quarantined')
      expect(message.buttons).to.deep.equal([])
    })

    it('work after a restart, and keep a plugin off over the next one', async () => {
      await quarantine()
      await olga.sees('shaky is quarantined', patient)
      await bot.restart()
      await olga.sees('The bot was started anew', patient)
      await olga.presses('Keep off')
      expect(bot.plugin('shaky').state).to.equal('disabled')
      await olga.sees('Olga keeps it off', patient)
      await bot.restart()
      expect(bot.plugin('shaky').state).to.equal('disabled')
    })
  })

  describe('about a plugin whose middleware fails, and with it every update', () => {
    const guard = (body: string) => ({
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'guard',
  version: '1.0.0',
  middleware: ({ middleware }) => [
    middleware({ phase: 'context', run: async (ctx, next) => { ${body} } }),
  ],
})
`,
    })
    after(() => bot.removePlugin('guard'))

    it('name that plugin and no other, and an owner’s press comes through: nobody else’s does', async () => {
      await bot.dropPlugin('guard', guard('await next()'))
      await bot.edit('guard', guard("await next(); throw new Error('the guard fell')"))
      for (let i = 0; i < 5; i++) {
        await operator.sends('/whoami')
        await operator.sees('on record', patient)
      }
      const { text } = await olga.sees('guard is quarantined', patient)
      expect(text).to.include('as long as it fails nobody gets through')
      expect(bot.plugin('start').state).to.equal('active')
      await operator.sends('/whoami')
      await operator.sees('on record', patient)
      await olga.presses('Roll back')
      await olga.sees('Olga rolled it back', patient)
      await olga.sends('/whoami')
      await olga.sees('Role: owner')
    })
  })

  describe('about a plugin that a start can’t load, and no earlier build of which is kept', () => {
    after(() => bot.removePlugin('fresh'))

    it('say that it doesn’t serve, where it is wrong and how to mend it; pressed in vain, they stay', async () => {
      await bot.dropPlugin('fresh', { 'index.ts': 'broken(' }).catch(() => undefined)
      expect(cardsIn(olga, /fresh/)).to.deep.equal([])
      await bot.restart()
      const { text, buttons } = await olga.sees('fresh doesn’t serve', patient)
      expect(text).to.match(/^🔴 .*doesn’t serve.*\nOPS_PLUGIN_BUILD .*fresh\/index\.ts:1 /)
      expect(buttons).to.deep.equal(['🔄 Reload'])
      await olga.presses('Reload')
      await olga.seesToast('OPS_PLUGIN_BUILD')
      expect(bot.plugin('fresh').state).to.equal('failed')
    })

    it('end when a press finds it mended: it serves, and the others see who it was', async () => {
      const { file = '' } = bot.plugin('fresh').lastReload ?? {}
      const mended = desk('fresh')['index.ts'].replace("name: 'desk'", "name: 'fresh'")
      writeFileSync(file, mended)
      await olga.presses('Reload')
      await oleg.sees(/fresh(.|\n)*Olga/, patient)
      await olga.sends('/fresh')
      await olga.sees('here is fresh')
    })
  })

  describe('about what a reload opens', () => {
    before(() => bot.dropPlugin('desk', desk()))

    it('ask; the first owner decides, the others see who it was', async () => {
      await bot.edit('desk', desk('open'))
      const { text } = await olga.sees('desk opens more than before', patient)
      expect(text).to.match(/• \/open: new, for everybody who is let in\n\nBy .*, build \w{7}/)
      await oleg.sees('desk открывает больше', patient)
      await operator.sends('/open')
      await operator.sees('waits for an owner’s approval')
      await olga.presses('Approve')
      await olga.seesToast('Approved')
      await operator.sends('/open')
      await operator.sees('here is open')
      await oleg.sees('Olga: одобрено', patient)
      await olga.sees('Olga approved it', patient)
      await bot.restart()
      await operator.sends('/open')
      await operator.sees('here is open')
    })

    it('are withdrawn with what they are about, and one message all the while', async () => {
      const before = cardsIn(olga, /desk/).length
      await bot.edit('desk', desk('open', 'slip'))
      await olga.sees('/slip', patient)
      await bot.edit('desk', desk('open'))
      await olga.sees('It is no longer opened', patient)
      await bot.edit('desk', desk('open', 'again'))
      await olga.sees(/\/again(.|\n)*until one of you approves/, patient)
      expect(cardsIn(olga, /desk/)).to.have.length(before + 1)
    })

    it('change at a measured pace, and end with the last state; an older button decides nothing', async () => {
      const [card] = cardsIn(olga, /\/again/)
      const edits: number[] = []
      const note = (message: object) => message === card && edits.push(performance.now())
      bot.telegram.api.on('edit', note)
      for (let i = 0; i < 8; i++) await bot.edit('desk', desk('open', `storm${i}`))
      await olga.presses('Approve')
      await olga.seesAlert('changed in the meantime')
      await olga.sees('/storm7', patient)
      bot.telegram.api.off('edit', note)
      const gaps = edits.slice(1).map((at, i) => at - (edits[i] ?? 0))
      for (const gap of gaps) expect(gap).to.be.at.least(paceMs - 50)
      expect(edits.length).to.be.below(8)
    })

    it('keep it closed when an owner says so, also after a restart, and ask no more', async () => {
      await olga.presses('Keep closed')
      await olga.sees('Olga keeps it closed', patient)
      await bot.restart()
      await operator.sends('/storm7')
      await operator.sees('waits for an owner')
      await olga.doesNotSee('opens more')
    })

    it('that could not be sent are sent after a restart', async () => {
      bot.telegram.fail('sendMessage', 500, { chat: oleg.id, times: 2 })
      await bot.edit('desk', desk('open', 'late'))
      await until(
        'it failed',
        () => bot.log.some(({ event }) => event === 'card.not-shown'),
        20_000,
      )
      await bot.restart()
      await oleg.sees(/desk открывает больше(.|\n)*\/late/, { within: 40_000 })
      await oleg.presses('Одобрить')
      await operator.sends('/late')
      await operator.sees('here is late')
    })
  })
})
