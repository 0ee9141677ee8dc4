import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'

const plugin = `
import { buttons, definePlugin, message } from 'opsgram'

export default definePlugin({
  name: 'pump',
  version: '1.0.0',
  permissions: { 'pump.use': { description: 'x', roles: ['operator'] } },
  actions: ({ action }) => ({
    press: action({ label: 'Press', rateLimit: { count: 1, perS: 60 }, run: (ctx) => ctx.answerCbQuery('pressed') }),
  }),
  commands: ({ command }) => ({
    go: command({ description: 'Go', run: () => 'went' }),
    open: command({
      description: 'Open', audience: 'everyone', rateLimit: { count: 2, perS: 600, by: 'everybody' }, run: () => 'opened',
    }),
    one: command({
      description: 'One', permission: 'pump.use', rateLimit: { count: 1, perS: 600, by: 'everybody' }, run: () => 'one done',
    }),
    show: command({ description: 'Show', run: (ctx) => message('shown', buttons(ctx.button('press'))) }),
  }),
})
`

const tooFast = /That was too fast\. Try again in \d+ (second|minute)s?\./

describe('rate limits', () => {
  let bot: TestBot
  let anna: TestPerson
  before(async () => {
    bot = await createTestBot({
      now: '2026-03-02T10:00:00Z',
      env: { RATE_LIMIT_PERSON: '5/50s', RATE_LIMIT_CHAT: '3/30s' },
    })
    await bot.dropPlugin('pump', { 'index.ts': plugin })
  })
  beforeEach(() => {
    anna = bot.user({ role: 'operator', firstName: 'Anna' })
  })
  after(() => bot?.stop())

  const answers = async (person: TestPerson, said: string, times: number): Promise<string[]> => {
    await bot.settled()
    const from = bot.telegram.calls().length
    for (let i = 0; i < times; i++) await person.sends(said)
    await bot.settled()
    return bot.telegram
      .calls()
      .slice(from)
      .filter(({ method }) => method === 'sendMessage')
      .map(({ params }) => String(params.text))
  }
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`${bot.url}/metrics`)).text()
    return Number(new RegExp(`^opsgram_limited_${name}_total (\\d+)`, 'm').exec(text)?.[1])
  }

  it('tell a person who is too fast once, then are silent, and let go on after the time', async () => {
    const [first = '', ...rest] = (await answers(anna, '/go', 9)).toReversed()
    expect(first).to.match(tooFast)
    expect(rest).to.deep.equal(Array.from({ length: 5 }, () => 'went'))
    expect(await metric('person')).to.equal(4)
    // one has come back, and there is nothing new to be told
    await bot.clock.advance(10_000)
    expect(await answers(anna, '/go', 2)).to.deep.equal(['went'])
    // another one isn't concerned
    expect(await answers(bot.user({ role: 'operator' }), '/go', 1)).to.deep.equal(['went'])
  })

  it('speak the language of the person', async () => {
    const ivan = bot.user({ role: 'operator', languageCode: 'ru' })
    expect((await answers(ivan, '/go', 6)).at(-1)).to.equal(
      'Слишком часто. Попробуйте снова через 10 секунд.',
    )
  })

  it('answer a press by an alert, each', async () => {
    await anna.sends('/show')
    await anna.sees('shown')
    await anna.presses('Press')
    await anna.presses('Press')
    await anna.seesAlert('Try again in 60 seconds')
    await anna.presses('Press')
    await anna.seesAlert('Try again in 60 seconds')
  })

  it('do not hold for owners', async () => {
    expect(await answers(bot.owner, '/go', 12)).to.have.length(12)
  })

  it('of a command are used up by those who may give it alone', async () => {
    const guest = bot.user({ role: 'guest' })
    for (const text of await answers(guest, '/one', 2)) expect(text).to.contain('not allowed')
    expect(await answers(anna, '/one', 1)).to.deep.equal(['one done'])
    const [told = ''] = await answers(bot.user({ role: 'operator' }), '/one', 1)
    expect(told).to.contain('Try again in 10 minutes')
    expect(await answers(bot.owner, '/one', 1)).to.deep.equal(['one done'])
  })

  it('of a group are shared by its people, who hear of it once; talk has no limit', async () => {
    const boris = bot.user({ role: 'operator', firstName: 'Boris' })
    const group = bot.group({ members: [anna, boris] })
    for (let i = 0; i < 8; i++) await anna.in(group).sends('talk')
    for (const person of [anna, boris, anna, boris, anna]) await person.in(group).sends('/go')
    await bot.settled()
    const said = bot.telegram
      .calls('sendMessage')
      .filter(({ params }) => Number(params.chat_id) === group.id)
      .map(({ params }) => String(params.text))
    expect(said.filter((text) => text === 'went')).to.have.length(3)
    expect(said.filter((text) => tooFast.test(text))).to.have.length(1)
  })

  it('of a group and of a command are not used up by strangers', async () => {
    const strangers = ['X', 'Y', 'Z'].map((firstName) => bot.user({ firstName }))
    const group = bot.group({ members: [anna, ...strangers] })
    for (const stranger of strangers) {
      for (let i = 0; i < 4; i++) await stranger.in(group).sends('/open')
    }
    await anna.in(group).sends('/go')
    await anna.in(group).sees('went')
    await anna.in(group).sends('/open')
    await anna.in(group).sees('opened')
  })

  it('of a manifest are checked', async () => {
    const wrong = plugin.replace('count: 1, perS: 600', 'count: 0, perS: 600')
    const error = await bot
      .edit('pump', { 'index.ts': wrong })
      .then(() => undefined)
      .catch((failure: unknown) => failure)
    expect(error).to.include({ code: 'OPS_PLUGIN_MANIFEST' })
    expect(String(error)).to.contain('rateLimit of /one')
  })

  it('of the bot have updates wait, owners aside, and refuse none', async () => {
    await bot.stop()
    bot = await createTestBot({
      now: '2026-03-02T10:00:00Z',
      env: { RATE_LIMIT_GLOBAL: '2/20s' },
      plugins: ['plugins/plugins'],
    })
    await bot.dropPlugin('pump', { 'index.ts': plugin })
    const people = ['A', 'B', 'C'].map((firstName) => bot.user({ role: 'operator', firstName }))
    for (const person of people) for (let i = 0; i < 2; i++) await person.sends('/go')
    await bot.owner.sends('/go')
    await bot.owner.sees('went')
    const went = () => bot.telegram.calls('sendMessage').length
    while (went() < 7) await bot.clock.advance(10_000)
    expect(await metric('bot')).to.be.greaterThan(2)
    // nobody is pushed back by who sends more: each chat has one in the row
    const order = bot.telegram.calls('sendMessage').map(({ params }) => params.chat_id)
    const others = order.filter((id) => id !== bot.owner.id)
    expect(new Set(others.slice(0, 3)).size).to.equal(3)
  })

  it('of the bot let nothing through while it is paused', async () => {
    const said = () =>
      bot.telegram.calls('sendMessage').filter(({ params }) => params.text === 'went')
    const people = ['D', 'E', 'F', 'G'].map((firstName) =>
      bot.user({ role: 'operator', firstName }),
    )
    for (const person of people) await person.sends('/go')
    await bot.owner.sends('/pause')
    await bot.owner.sees(/paused/i)
    const before = said().length
    expect(before, 'some of them still wait').to.be.lessThan(7 + 4)
    await bot.clock.advance(120_000)
    expect(said()).to.have.length(before)
    await bot.owner.sends('/resume')
    await bot.owner.sees(/▶/)
    await bot.clock.advance(30_000)
    await bot.settled()
    expect(said()).to.have.length(7 + 4)
  })
})
