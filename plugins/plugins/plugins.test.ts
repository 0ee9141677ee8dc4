import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from '../../test/support/wait.ts'
import { inMs } from './status.ts'

const sample = (answer: string) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'sample',
  version: '1.0.0',
  commands: ({ command }) => ({ sample: command({ description: 'A sample', run: () => '${answer}' }) }),
})
`,
})

describe('plugins', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot({ plugins: [import.meta.dirname] })
  })

  after(() => bot.stop())

  beforeEach(() => bot.dropPlugin('sample', sample('one')))

  const breakSample = () =>
    bot.edit('sample', { 'index.ts': 'export default definePlugin({ name: }' }).then(
      () => expect.fail('it loaded'),
      () => undefined,
    )

  it('lists plugins with version, generation and last load', async () => {
    await bot.owner.sends('/plugins')
    const { text } = await bot.owner.sees('Plugins, generation')
    // loaded at the start with all others: how long that took is no plugin's own
    expect(text).to.match(/🟢 plugins 1\.0\.0 · generation \d+\n\s+loaded (?:now|\d+ \w+ ago)\n/)
    expect(text).to.match(/🟢 sample 1\.0\.0 · generation \d+\n\s+loaded .+ in [\d.]+ ms/)
  })

  it('writes how long a load took as the reader’s language does', () => {
    expect(inMs(863.34, 'en')).to.equal('863 ms')
    expect(inMs(1.63, 'ru')).to.equal('1,6 мс')
  })

  it('shows a broken save with its code, while the version before serves', async () => {
    await breakSample()
    await bot.owner.sends('/plugins')
    const { text } = await bot.owner.sees('Plugins, generation')
    expect(text)
      .to.match(/🟡 sample 1\.0\.0/)
      .and.include('OPS_PLUGIN_BUILD')
    await bot.owner.sends('/plugins show sample')
    const { text: card } = await bot.owner.sees(/sample\/index\.ts:1:\d+/)
    expect(card, 'the code frame').to.include('> 1 | export default')
    await bot.owner.sends('/sample')
    await bot.owner.sees('one')
  })

  it('shows a plugin that never loaded as not serving', async () => {
    await bot.dropPlugin('hopeless', { 'index.ts': 'export default 5' }).catch(() => undefined)
    await bot.owner.sends('/plugins')
    await bot.owner.sees(/🔴 hopeless doesn’t serve\n\s+not loaded .+: OPS_PLUGIN_MANIFEST/)
    await bot.removePlugin('hopeless')
  })

  it('has updates wait while it is paused, over a restart too, until it is resumed', async () => {
    const { owner } = bot
    await owner.sends('/plugins show sample')
    const { message } = await owner.sees('sample')
    await owner.sends('/resume')
    await owner.sees('It is not paused.')
    await owner.sends('/pause')
    await owner.sees('Paused, on all instances')
    await owner.sends('/sample')
    owner.telegram.press(message, 'History')
    await owner.doesNotSee()
    await owner.sends('/plugins')
    await owner.sees(/^⏸ Paused by .*Olga.*: updates wait until \/resume\n/)
    await owner.sends('/pause')
    await owner.sees('It is paused already, by')
    // a press that waits for minutes is not replayed
    await bot.database.query(
      `update inbox set received_at = now() - interval '3 minutes' where payload like '%callback_query%'`,
    )
    await bot.restart()
    const readyz = await fetch(new URL('/readyz', bot.url))
    const { checks } = (await readyz.json()) as { checks: Record<string, { status: string }> }
    expect(readyz.status).to.equal(200)
    expect(checks.updates).to.include({ status: 'degraded' })
    await owner.doesNotSee()
    await owner.sends('/resume')
    await until('it goes on', () => bot.log.some(({ event }) => event === 'app.resumed'))
    await owner.sees('one')
    await owner.sees('Nothing was done: press it again')
    await bot.settled()
    const audit = await bot.database.query<{ action: string }>(
      `select action from audit_log where action in ('plugins.pause', 'plugins.resume') order by id`,
    )
    expect(audit.map(({ action }) => action)).to.deep.equal(['plugins.pause', 'plugins.resume'])
  })

  it('shows what health checks found', async () => {
    await bot.dropPlugin('ailing', {
      'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'ailing',
  version: '1.0.0',
  health: ({ check }) => ({
    disk: check(() => undefined),
    sheets: check(() => { throw Object.assign(new Error('no route'), { code: 'EHOSTUNREACH' }) }),
  }),
})
`,
    })
    await bot.logged('plugin.health.changed', { plugin: 'ailing' })
    await bot.owner.sends('/plugins show ailing')
    const { text } = await bot.owner.sees('ailing 1.0.0')
    expect(text).to.include('disk: well\nsheets: down. EHOSTUNREACH: no route')
    await bot.removePlugin('ailing')
  })

  it('reloads from the chat and says what came of it', async () => {
    await bot.owner.sends('/plugins reload sample')
    await bot.owner.sees(/✅ sample 1\.0\.0 is live: generation \d+, [\d.]+ ms/)
    await breakSample()
    await bot.owner.sends('/plugins reload sample')
    await bot.owner.sees(/❌ sample was not reloaded.*serving\.\nOPS_PLUGIN_BUILD/)
  })

  it('reloads by a button, and shows the card anew', async () => {
    await bot.owner.sends('/plugins show sample')
    await bot.owner.sees('sample 1.0.0')
    const before = bot.plugin('sample').generation ?? 0
    await bot.owner.presses('Reload')
    await bot.owner.seesToast('sample 1.0.0 is live')
    expect(bot.plugin('sample').generation).to.be.above(before)
  })

  it('switches a plugin off and on by buttons; off asks once more, and who did it is shown', async () => {
    await bot.owner.sends('/plugins show sample')
    await bot.owner.sees('sample 1.0.0')
    await bot.owner.presses('Switch off …')
    const { buttons } = await bot.owner.sees('Switch sample off?')
    expect(buttons).to.deep.equal(['⏹ Yes, switch off', '‹ Back'])
    expect(bot.plugin('sample').state).to.equal('active')
    await bot.owner.presses('Yes, switch off')
    await bot.owner.sees(/switched off since(.|\n)*Switched off by Olga/)
    expect(bot.plugin('sample').state).to.equal('disabled')
    await bot.owner.presses('Switch on')
    await bot.owner.sees('State: active')
  })

  it('rolls back by a button, after a question that names the build', async () => {
    await bot.edit('sample', sample('two'))
    await bot.owner.sends('/plugins show sample')
    await bot.owner.sees('sample 1.0.0')
    await bot.owner.presses('Roll back …')
    await bot.owner.sees(/Put build \w{7} of sample back\?/)
    await bot.owner.presses('Yes, roll back')
    await bot.owner.sees('State: active')
    await bot.owner.sends('/sample')
    await bot.owner.sees('one')
  })

  it('tells what became of a plugin: who or what, which builds, how long', async () => {
    await breakSample()
    await bot.owner.sends('/plugins reload sample')
    await bot.owner.sees('was not reloaded')
    await until('it is on record', async () => {
      await bot.owner.sends('/plugins history sample')
      const { text } = await bot.owner.sees('History of sample')
      return /not loaded OPS_PLUGIN_BUILD\n +\w{7} → \w{7} · [\d.]+ ms · Olga/.test(text)
    })
  })

  it('names the permissions of a plugin and who holds them', async () => {
    await bot.owner.sends('/plugins show plugins')
    const { text } = await bot.owner.sees('plugins 1.0.0')
    expect(text).to.match(/plugins\.view: .*\(admin\)/)
    expect(text).to.match(/plugins\.manage: .*\(owners alone\)/)
  })

  it('can reload itself', async () => {
    const before = bot.plugin('plugins').generation ?? 0
    await bot.owner.sends('/plugins reload plugins')
    await bot.owner.sees('✅ plugins 1.0.0 is live')
    expect(bot.plugin('plugins').generation).to.be.above(before)
    await bot.owner.sends('/plugins')
    await bot.owner.sees('🟢 plugins')
  })

  it('knows no plugin that is none', async () => {
    for (const command of ['/plugins show nothing', '/plugins reload nothing']) {
      await bot.owner.sends(command)
      await bot.owner.sees('There is no plugin named “nothing”')
    }
  })

  it('lists its subcommands for a word that is none of them', async () => {
    await bot.owner.sends('/plugins sho sample')
    await bot.owner.sees('/plugins show <name: worklog>')
  })

  it('lets admins look and owners reload', async () => {
    const admin = bot.user({ role: 'admin' })
    await admin.sends('/plugins show sample')
    expect((await admin.sees('sample 1.0.0')).buttons).to.deep.equal(['📜 History'])
    await admin.sends('/plugins reload sample')
    await admin.sees('not allowed to use /plugins reload')
    const operator = bot.user({ role: 'operator' })
    for (const command of ['/plugins', '/plugins show sample']) {
      await operator.sends(command)
      await operator.sees('not allowed')
    }
  })
})
