import { expect } from 'chai'
import { openDatabase } from '../core/database/connection.ts'
import { BotProcess } from './support/bot-process.ts'
import { silentLog } from './support/log.ts'

const password = 'correct-horse-battery'

/** Puts everything it knows into the errors it throws. */
const talkative = (setup: string) => `
import { definePlugin } from 'opsgram'
import { z } from 'zod'

const told = (config) =>
  new Error(['cannot log in with', config.password, process.env.BOT_TOKEN,
    'at https://bot:' + config.password + 'x@sheets.example/v4'].join(' '))

export default definePlugin({
  name: 'talkative',
  version: '1.0.0',
  config: z.object({ password: z.string() }),
  setup(scope) { ${setup} },
  commands: ({ command }) => ({
    fail: command({ description: 'Fails', run(ctx) { throw told(ctx.config) } }),
  }),
})
`

describe('secrets', () => {
  let bot: BotProcess

  afterEach(() => bot.close())

  it('stand in no log, no message, no table and no answer, whatever a plugin throws', async () => {
    bot = await BotProcess.create({
      plugins: { 'talkative/index.ts': talkative('') },
      env: { TALKATIVE_PASSWORD: password, LOG_LEVEL: 'debug' },
    })
    await bot.start()
    const secrets = [password, bot.api.token]
    await bot.ask(bot.ownerId, '/fail')
    bot.write('talkative/index.ts', talkative('throw told(scope.config)'))
    await bot.event('plugin.reload.aborted', { plugin: 'talkative' })
    const shown = await bot.ask(bot.ownerId, '/plugins show talkative')
    expect(shown).to.include('cannot log in with ***')
    const answers = await Promise.all(['/', '/healthz', '/readyz'].map((path) => bot.http(path)))
    const said = [...bot.said(bot.ownerId), JSON.stringify(answers)]
    expect(await bot.stop()).to.equal(0)

    const database = await openDatabase({ ...bot.database, log: silentLog })
    try {
      const tables = await database.query<{ name: string }>(
        `select table_name as name from information_schema.tables where table_schema = 'public'`,
      )
      for (const { name } of tables) {
        said.push(
          ...(await database.query(`select * from ${name}`)).map((row) => JSON.stringify(row)),
        )
      }
    } finally {
      await database.close()
    }
    expect(said.join('\n')).to.include('cannot log in with ***')
    said.push(bot.stderr, ...bot.lines.map((line) => JSON.stringify(line)))
    for (const secret of secrets) {
      expect(
        said.filter((text) => text.includes(secret)),
        secret.slice(0, 4),
      ).to.deep.equal([])
    }
  })
})
