import { createHmac } from 'node:crypto'
import { expect } from 'chai'
import { createTestBot, type TestBot, type TestPerson } from 'opsgram/testing'
import { until } from './support/wait.ts'

/** A plugin with these commands, as source text. */
const desk = (commands: string, permissions = '') => ({
  'index.ts': `import { buttons, definePlugin, message } from 'opsgram'
export default definePlugin({
  name: 'desk',
  version: '1.0.0',
  permissions: { 'desk.admin': { description: 'Administer', roles: ['admin'] }, ${permissions} },
  commands: ({ command }) => ({ ${commands} }),
})
`,
})
const says = (name: string, rule = '') =>
  `${name}: command({ description: '${name}', ${rule} run: () => 'here is ${name}' }),`

const photo = { data: Buffer.from('a photo'), name: 'a.jpg' }

describe('what a reload opens', () => {
  let bot: TestBot
  let operator: TestPerson

  before(async () => {
    bot = await createTestBot({
      plugins: ['./plugins/plugins', './plugins/start'],
      openings: 'ask',
      owners: [{ firstName: 'Olga' }, { firstName: 'Oleg' }],
    })
    operator = bot.user({ role: 'operator' })
    await bot.dropPlugin('desk', desk(says('guarded', "permission: 'desk.admin',")))
  })
  after(() => bot?.stop())

  const answer = async (person: TestPerson, text: string) => {
    await person.sends(text)
    return (await person.sees()).text
  }
  /** Decides by the card of /plugins show. */
  async function decides(label: string): Promise<string> {
    await bot.owner.sends('/plugins show desk')
    await bot.owner.sees('desk 1.0.0')
    const { text = '' } = await bot.owner.presses(label)
    await bot.owner.sees('desk 1.0.0')
    return text
  }

  it('holds HTTP routes too: owners have a new one at once, nobody else until one approved it', async () => {
    const route = {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'door', version: '1.0.0',
  routes: (http) => http.get('/', { description: 'Opens' }, () => ({ open: true })),
})`,
    }
    await bot.dropPlugin('door', route)
    expect((await bot.api(bot.owner).get('/api/v1/door')).status).to.equal(200)
    const refused = await bot.api(operator).get('/api/v1/door')
    expect(refused.status).to.equal(403)
    expect(JSON.stringify(refused.body)).to.include('waits for an owner’s approval')
    await bot.removePlugin('door')
  })

  it('holds hooks too: a new one, or one with a weaker proof, is closed until an owner approved it', async () => {
    const bell = (verify: string) => ({
      'index.ts': `import { bearer, definePlugin, hmac } from 'opsgram'
export default definePlugin({
  name: 'bell', version: '1.0.0',
  hooks: ({ hook }) => ({ ring: hook({ verify: ${verify}, secret: () => 'a secret', run: () => {} }) }),
})`,
    })
    const ring = async (headers: Record<string, string>) => {
      const body = '{"ring":1}'
      const answer = await fetch(`${bot.url}/hooks/bell/ring`, { method: 'POST', headers, body })
      return { status: answer.status, text: await answer.text() }
    }
    const signature = createHmac('sha256', 'a secret').update('{"ring":1}').digest('hex')
    await bot.dropPlugin('bell', bell("hmac('sha256', 'X-Sign')"))
    const closed = await ring({ 'x-sign': signature })
    expect(closed.status).to.equal(404)
    expect(closed.text).to.include('OPS_HOOK_AWAY').and.include('approval')
    await bot.owner.sends('/plugins show bell')
    await bot.owner.sees('hook ring: new, for programs that prove who they are by a signature')
    await bot.owner.presses('Approve')
    await bot.logged('access.approved', { plugin: 'bell' })
    expect((await ring({ 'x-sign': signature })).status).to.equal(202)
    await bot.edit('bell', bell('bearer()'))
    expect((await ring({ authorization: 'Bearer a secret' })).status).to.equal(404)
    await bot.owner.sends('/plugins show bell')
    await bot.owner.sees(
      'hook ring takes a secret that they send along as proof, before a signature',
    )
    await bot.edit('bell', bell("hmac('sha256', 'X-Sign')"))
    expect((await ring({ 'x-sign': signature })).status).to.equal(200)
  })

  it('is there for owners at once, and for nobody else until one approved it', async () => {
    await bot.edit('desk', desk(says('open')))
    expect(await answer(bot.owner, '/open')).to.equal('here is open')
    expect(await answer(operator, '/open')).to.match(/\/open waits for an owner’s approval/)
    expect(await answer(operator, '/help')).not.to.include('/open')
    expect(await answer(bot.owner, '/help')).to.include('/open')
    expect(await decides('Approve')).to.equal('Done.')
    expect(await answer(operator, '/open')).to.equal('here is open')
    expect(await answer(operator, '/help')).to.include('/open')
  })

  it('still waits after a restart, and stays approved after one', async () => {
    await bot.edit('desk', desk(says('open') + says('more')))
    await bot.restart()
    expect(await answer(operator, '/open')).to.equal('here is open')
    expect(await answer(operator, '/more')).to.include('waits for an owner')
    await decides('Approve')
    await bot.restart()
    expect(await answer(operator, '/more')).to.equal('here is more')
  })

  it('stays closed when an owner refuses, until one approves it all the same', async () => {
    await bot.edit('desk', desk(says('open') + says('third')))
    await decides('Keep closed')
    expect(await answer(operator, '/third')).to.include('waits for an owner')
    await bot.restart()
    expect(await answer(operator, '/third')).to.include('waits for an owner')
    await bot.owner.sends('/plugins show desk')
    await bot.owner.sees('Kept closed by an owner')
    await bot.owner.presses('Approve')
    await bot.owner.sees('desk 1.0.0')
    expect(await answer(operator, '/third')).to.equal('here is third')
  })

  it('is decided for what was shown, not for what came in the meantime', async () => {
    await bot.edit('desk', desk(says('open') + says('fourth')))
    await bot.owner.sends('/plugins show desk')
    await bot.owner.sees('/fourth')
    await bot.edit('desk', desk(says('open') + says('fourth') + says('fifth')))
    expect((await bot.owner.presses('Approve')).text).to.include('something else by now')
    expect(await answer(operator, '/fourth')).to.include('waits for an owner')
    await bot.owner.sees('/fifth')
    await bot.owner.presses('Approve')
    await bot.owner.sees('desk 1.0.0')
    expect(await answer(operator, '/fifth')).to.equal('here is fifth')
  })

  it('leaves the former rule in force: who could, still can', async () => {
    const admin = bot.user({ role: 'admin' })
    await bot.edit('desk', desk(says('guarded', "permission: 'desk.admin', chats: 'private',")))
    expect(await answer(admin, '/guarded')).to.equal('here is guarded')
    await bot.edit('desk', desk(says('guarded')))
    expect(await answer(admin, '/guarded')).to.equal('here is guarded')
    expect(await answer(operator, '/guarded')).to.include('waits for an owner')
    expect(await answer(bot.owner, '/guarded')).to.equal('here is guarded')
    const group = bot.group({ members: [admin, bot.owner] })
    expect(await answer(admin.in(group), '/guarded')).to.include('waits for an owner')
    await bot.owner.in(group).sends('/guarded')
    await bot.owner.in(group).sees('here is guarded')
  })

  it('leaves the former roles of a permission in force, also for ctx.can', async () => {
    const asks = (roles: string) =>
      desk(
        `may: command({ description: 'May', run: (ctx) => String(ctx.can('desk.may')) }),
         must: command({ description: 'Must', permission: 'desk.may', run: () => 'must' }),`,
        `'desk.may': { description: 'May', roles: [${roles}] }`,
      )
    await bot.edit('desk', asks("'admin'"))
    await decides('Approve')
    await bot.edit('desk', asks("'admin', 'operator'"))
    expect(await answer(operator, '/may')).to.equal('false')
    expect(await answer(operator, '/must')).to.include('not allowed')
    await decides('Approve')
    expect(await answer(operator, '/may')).to.equal('true')
    expect(await answer(operator, '/must')).to.equal('must')
    await bot.edit('desk', asks(''))
    expect(await answer(operator, '/must'), 'narrowed at once').to.include('not allowed')
  })

  it('is no longer asked for when a later save withdraws it', async () => {
    await bot.edit('desk', desk(says('open') + says('slip')))
    await bot.edit('desk', desk(says('open') + says('slip', "permission: 'desk.admin',")))
    await bot.owner.sends('/plugins show desk')
    expect((await bot.owner.sees('desk 1.0.0')).text).not.to.include('Open to owners alone')
    await bot.edit('desk', desk(says('open') + says('slip')))
    expect(await answer(operator, '/slip'), 'widened again').to.include('waits for an owner')
  })

  it('is on record with what was and what is', async () => {
    const rows = await bot.database.query<{ actor_id: number; before: object; after: object }>(
      `select actor_id, before, after from audit_log where action = 'access.approve' and plugin = 'desk' order by id`,
    )
    expect(rows[0]?.actor_id).to.equal(bot.owner.id)
    expect(rows[0]?.before).to.deep.equal({ 'command:/open': null })
    expect(rows[0]?.after).to.have.nested.property('command:/open.permission', null)
    expect(bot.log.some(({ event }) => event === 'access.approved')).to.equal(true)
  })

  it('keeps buttons, events and composers closed too', async () => {
    await bot.edit('desk', {
      'index.ts': `import { buttons, definePlugin, message } from 'opsgram'
export default definePlugin({
  name: 'desk',
  version: '1.0.0',
  permissions: { 'desk.admin': { description: 'Administer', roles: ['admin'] } },
  actions: ({ action }) => ({ push: action({ label: 'Push', run: () => 'pushed' }) }),
  commands: ({ command }) => ({
    open: command({ description: 'open', run: (ctx) => message('push it', buttons(
      ctx.button('push', {}, { anyone: true }), ctx.button('push', {}, { label: 'Mine' }))) }),
  }),
  events: ({ event }) => [event('message:photo', () => 'a photo')],
  telegraf: (composer) => { composer.hears('knock', (ctx) => ctx.reply('who is there')) },
})
`,
    })
    await operator.sends('/open')
    const { buttons } = await operator.sees('push it')
    expect(buttons, 'what would be refused is not shown').to.deep.equal(['Push'])
    expect((await operator.presses('Push')).text).to.include('waits for an owner')
    await operator.sends('knock')
    operator.telegram.sendPhoto(photo)
    await operator.doesNotSee()
    await bot.owner.sends('knock')
    await bot.owner.sees('who is there')
    await decides('Approve')
    await operator.presses('Push')
    await operator.sees('pushed')
    await operator.sends('knock')
    await operator.sees('who is there')
    operator.telegram.sendPhoto(photo)
    await operator.sees('a photo')
  })

  it('is not in the menu of those for whom it isn’t open', async () => {
    await bot.edit('desk', desk(says('open') + says('secret')))
    const { commands } = bot.telegram.api.world
    const menuOf = ({ telegram }: TestPerson) =>
      commands.seenBy(telegram.id, telegram.chat, 'en').map(({ command }) => command)
    await answer(bot.owner, '/secret')
    await until('the owner has it', () => menuOf(bot.owner).includes('secret'), 20_000)
    await answer(operator, '/open')
    await until('the operator has a menu', () => menuOf(operator).includes('open'), 20_000)
    expect(menuOf(operator)).not.to.include('secret')
    expect(menuOf(bot.user())).not.to.include('secret')
  })
})
