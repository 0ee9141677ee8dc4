import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'

const plugins = ['plugins/preferences', 'plugins/start']

describe('preferences', () => {
  let bot: TestBot
  before(async () => {
    bot = await createTestBot({ plugins, now: '2026-03-02T12:00:00Z' })
  })
  after(() => bot?.stop())

  it('answers in the language that a person chose, whatever their Telegram says', async () => {
    const anna = bot.user({ role: 'operator', firstName: 'Anna', languageCode: 'en' })
    await anna.sends('/language')
    await anna.sees('I answer you in this language: English')
    await anna.presses('русский')
    await anna.sees('Теперь я отвечаю вам на этом языке: русский')
    await anna.sends('/whoami')
    await anna.sees('Язык: русский (ru)')
    await anna.sends('/language')
    await anna.presses('Как в Telegram')
    await anna.sees('in the language that Telegram names: English')
    await anna.sends('/whoami')
    await anna.sees('Language: English (en)')
  })

  it('knows languages by their names, and says so when it speaks another', async () => {
    const boris = bot.user({ role: 'guest' })
    await boris.sends('/language Russian')
    await boris.sees('Теперь я отвечаю вам')
    await boris.sends('/language klingon')
    await boris.sees('Я не говорю на языке «klingon»')
  })

  it('finds a time zone by a city, in either language, and by its distance from UTC', async () => {
    const ivan = bot.user({ role: 'operator', languageCode: 'ru' })
    await ivan.sends('/timezone Москва')
    await ivan.sees('Europe/Moscow, там сейчас 15:00')
    const eve = bot.user({ role: 'operator', languageCode: 'en' })
    await eve.sends('/timezone berlin')
    await eve.sees(/Europe\/Berlin now, where it is 1:00/)
    await eve.sends('/timezone UTC+3')
    await eve.sees(/\+03:00 now, where it is 3:00/)
    await eve.sends('/timezone argentina')
    await eve.sees('may be one of these')
    await eve.presses('Ushuaia')
    await eve.sees('America/Argentina/Ushuaia now')
    await eve.sends('/whoami')
    await eve.sees('Time zone: America/Argentina/Ushuaia')
    await eve.sends('/timezone america')
    await eve.sees(/fits \d+ time zones/)
    await eve.sends('/timezone Atlantis')
    await eve.sees('I know no time zone for “Atlantis”')
    await eve.sends('/timezone')
    await eve.presses('The bot’s own')
    await eve.sees('the bot’s own time zone now: UTC')
  })

  it('gives a chat one language and one clock, which those who may choose, on record', async () => {
    const ivan = bot.user({ role: 'operator', languageCode: 'ru' })
    const admin = bot.user({ role: 'admin', languageCode: 'en' })
    const group = bot.group({ members: [ivan, admin, bot.owner] })
    await ivan.in(group).sends('/whoami')
    await ivan.in(group).sees('Язык: русский')
    await ivan.in(group).sends('/language en')
    await ivan.in(group).sees('Для этого чата вы это выбирать не можете')
    await admin.in(group).sends('/timezone')
    await admin.in(group).sees('everybody times by their own time zone; yours is UTC')
    await admin.in(group).sends('/language')
    await admin.in(group).sees('everybody in their own language; yours: English')
    await admin.in(group).presses('English')
    await admin.in(group).sees('From now on I answer in this language here: English')
    await admin.in(group).sends('/timezone Tokyo')
    await admin.in(group).sees('Asia/Tokyo now')
    await admin.in(group).sends('/timezone')
    await admin.in(group).sees('In this chat I tell times by Asia/Tokyo, where')
    await ivan.in(group).sends('/whoami')
    const { text } = await ivan.in(group).sees('Language: English')
    expect(text).to.include('Asia/Tokyo')
    await ivan.sends('/whoami')
    await ivan.sees('Язык: русский')
    const rows = await bot.database.query<{ action: string; target: string }>(
      `select action, target from audit_log where target like 'chat:%' order by id`,
    )
    expect(rows.map(({ action }) => action)).to.deep.equal([
      'preferences.language',
      'preferences.timeZone',
    ])
    await admin.in(group).sends('/language')
    await admin.in(group).presses('Everybody in their own')
    await admin.in(group).sees('everybody in this chat in their own language')
    await ivan.in(group).sends('/whoami')
    await ivan.in(group).sees('Язык: русский')
  })

  it('takes a new language of a plugin up as soon as its file is there', async () => {
    const kurt = bot.user({ role: 'guest', languageCode: 'de' })
    await bot.dropPlugin('hallo', {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'hallo', version: '1.0.0',
  commands: ({ command }) => ({ hallo: command({ description: 'Greet', run: (ctx) => ctx.t('hi') + ' ' + ctx.t('bye') }) }),
})`,
      'locales/en.json': '{ "hi": "Hello", "bye": "bye" }',
    })
    await kurt.sends('/hallo')
    await kurt.sees('Hello bye')
    await bot.edit('hallo', { 'locales/de.json': '{ "hi": "Guten Tag" }' })
    await kurt.sends('/language')
    await kurt.presses('Deutsch')
    await kurt.sends('/hallo')
    // what it lacks is said in the default language, key by key
    await kurt.sees('Guten Tag bye')
  })
})
