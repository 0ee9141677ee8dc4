import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { BotProcess } from './support/bot-process.ts'
import { until } from './support/wait.ts'

const ping = (answer: string) => `
import { definePlugin } from 'opsgram'
export default definePlugin({
  name: 'ping',
  version: '1.0.0',
  commands: ({ command }) => ({ ping: command({ description: 'Ping', run: () => '${answer}' }) }),
})
`

describe('the last good build', function () {
  this.timeout(120_000)
  let bot: BotProcess

  before(async () => {
    bot = await BotProcess.create({ plugins: { 'ping/index.ts': ping('good') } })
    await bot.start()
    await bot.ask(bot.ownerId, '/ping')
    bot.write('ping/index.ts', ping('bad').replace('version', 'version:'))
    await bot.event('plugin.reload.aborted', { plugin: 'ping' })
    await bot.stop()
  })
  after(() => bot.close())

  it('lies where only the bot may read it', () => {
    const builds = join(bot.dataDir, 'builds')
    expect(readdirSync(builds)).to.include('ping.json')
    expect(statSync(builds).mode & 0o777).to.equal(0o700)
    expect(statSync(join(builds, 'ping.json')).mode & 0o777).to.equal(0o600)
  })

  it('serves when a process starts on a broken folder, and says so', async () => {
    await bot.start()
    const aborted = await bot.event('plugin.reload.aborted', { plugin: 'ping' })
    expect(aborted.code).to.equal('OPS_PLUGIN_BUILD')
    await bot.event('plugin.loaded', { plugin: 'ping', lastGood: true })
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('good')
    bot.write('ping/index.ts', ping('mended'))
    await bot.event('plugin.reload.committed', { plugin: 'ping' })
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('mended')
    await bot.stop()
  })

  it('serves when one process after the other stood still in what was saved last', async () => {
    const endless = ping('endless').replace('export default', 'for (;;);\nexport default')
    await bot.start()
    bot.write('ping/index.ts', endless)
    const mark = join(bot.dataDir, 'builds', 'ping.loading')
    const begun = (times: number) =>
      until(
        `it is loaded ${times} times`,
        () => existsSync(mark) && readFileSync(mark, 'utf8').endsWith(`"begun":${times}}`),
        60_000,
      )
    await begun(1)
    await bot.kill()
    bot.spawn()
    await begun(2)
    await bot.kill()
    await bot.start()
    await bot.event('plugin.reload.aborted', { plugin: 'ping', code: 'OPS_PLUGIN_FATAL' })
    expect(await bot.ask(bot.ownerId, '/ping')).to.equal('mended')
    bot.write('ping/index.ts', ping('mended').replace('1.0.0', '1.0.1'))
    await bot.event('plugin.reload.committed', { plugin: 'ping', version: '1.0.1' })
    await bot.stop()
  })

  it('is not used when it was tampered with', async () => {
    bot.write('ping/index.ts', 'broken(')
    const file = join(bot.dataDir, 'builds', 'ping.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('mended', 'forged'))
    await bot.start()
    await bot.event('plugin.kept-build.unusable', { plugin: 'ping' })
    expect(await bot.ask(bot.ownerId, '/ping')).not.to.match(/mended|forged/)
    await bot.stop()
  })

  it('is not served when the folder is gone', async () => {
    bot.remove('ping')
    await bot.start()
    expect(await bot.ask(bot.ownerId, '/ping')).not.to.match(/mended|good/)
    await bot.stop()
  })
})
