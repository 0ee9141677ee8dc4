import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { BotProcess } from '../../support/bot-process.ts'

const exec = promisify(execFile)
const root = resolve(import.meta.dirname, '../../..')

const plugin = (name: string, keys: string, before = '') => `import { definePlugin } from 'opsgram'
${before}
export default definePlugin({
  name: '${name}',
  version: '1.0.0',
  ${keys}
  commands: ({ command }) => ({ ${name}: command({ description: 'x', run: () => 'ok' }) }),
})
`

describe('opsgram doctor', function () {
  this.timeout(240_000)
  let bot: BotProcess
  let port: unknown

  before(async () => {
    bot = await BotProcess.create({
      env: { DISKS_TOKEN: 'hunter2hunter2', RACKS_SIZE: 'huge-secret' },
      plugins: {
        'ping/index.ts': plugin('ping', ''),
        'disks/index.ts': plugin(
          'disks',
          'config: z.object({ token: z.string().max(3), mount: z.string() }),',
          "import { z } from 'zod'",
        ),
        'racks/index.ts': plugin('racks', '', "import 'no-such-package'"),
        'cables/index.ts': plugin('cables', "requires: ['ducts'],"),
        'zoo/index.ts': plugin('zoo', '').replace('=> ({ zoo:', '=> ({ help:'),
      },
    })
    await bot.start()
    ;({ port } = await bot.event('http.listening'))
    bot.write('ping/index.ts', plugin('ping', '').replace("'ok'", "'o'k'"))
    await bot.event('plugin.reload.aborted', { plugin: 'ping' })
  })
  after(() => bot.close())

  async function doctor(...args: string[]): Promise<{ code: number; text: string }> {
    const env = { PATH: process.env.PATH, ...bot.env, HTTP_PORT: String(port) }
    const run = exec(resolve(root, 'bin/opsgram'), ['doctor', ...args], { cwd: bot.folder, env })
    return run.then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      ({ code, stdout, stderr }) => ({ code, text: `${stdout}${stderr}` }),
    )
  }

  /** What it says of one plugin. */
  const about = (text: string, name: string) =>
    text.split('\n\n').find((part) => part.split('\n')[0]?.endsWith(`/${name}`)) ?? ''

  it('tells of a running bot how each plugin stands, and why', async () => {
    const { code, text } = await doctor()
    expect(code).to.equal(1)
    expect(text)
      .to.contain(`a bot answers on port ${port}`)
      .and.not.to.contain('no plugin that loads')
    expect(about(text, 'ping'))
      .to.match(/✖ active since .*the last reload failed, and the version before goes on/)
      .and.to.contain('OPS_PLUGIN_BUILD: plugins/ping/index.ts:7')
      .and.to.match(/✔ last good build: of /)
    expect(about(text, 'start'))
      .to.match(/✔ active since /)
      .and.not.to.match(/✖|!/)
    expect(about(text, 'racks'))
      .to.contain('OPS_PLUGIN_IMPORT_MISSING')
      .and.to.contain('npm install no-such-package')
    expect(about(text, 'cables')).to.match(/✖ waiting since .*, for ducts/)
    expect(about(text, 'zoo')).to.contain('OPS_PLUGIN_CONFLICT: The command /help')
    expect(about(text, 'disks'))
      .to.contain('    DISKS_TOKEN is not accepted')
      .and.to.contain('    DISKS_MOUNT is not set')
  })

  it('never shows what is secret', async () => {
    const { text } = await doctor('--json')
    expect(text).not.to.contain('hunter2').and.not.to.contain(bot.api.token)
    const { ok, reports } = JSON.parse(text)
    expect(ok).to.equal(false)
    expect(reports[0]).to.deep.include({ about: 'configuration' })
  })

  it('tells of a stopped bot what it last knew, and what would keep it from starting', async () => {
    bot.remove('racks')
    expect(await bot.stop()).to.equal(0)
    bot.writeEnv('HTTP_PROT=3000\n')
    const { text } = await doctor()
    expect(text).to.match(/port \d+ on 127\.0\.0\.1 is free/)
    expect(text).to.match(/states of plugins are those of .*, when it last ran/)
    expect(text).to.match(/✔ (the embedded database|PostgreSQL) answers: version 1\d/)
    expect(text).to.contain('→ Did you mean HTTP_PORT?')
    bot.writeEnv('SHUTDOWN_TIMEOUT_MS=soon\n')
    const broken = await doctor()
    expect(broken.code).to.equal(1)
    expect(broken.text).to.contain('not accepted').and.to.contain('SHUTDOWN_TIMEOUT_MS')
  })
})
