import { expect } from 'chai'
import { deadCommand } from '../../../core/cli/dead.ts'
import { openDatabase } from '../../../core/database/connection.ts'
import { coreMigrations } from '../../../core/database/migration/core.ts'
import { migrate } from '../../../core/database/migration/migrator.ts'
import { putEmbedded } from '../../../core/testing/test-bot/seed.ts'
import { freshFolder } from '../../support/folders.ts'
import { silentLog } from '../../support/log.ts'
import { rejected } from '../../support/rejected.ts'
import { printed } from './output.ts'

describe('opsgram dead', function () {
  this.timeout(60_000)
  const environment = { ...process.env }
  const dir = freshFolder()

  before(async () => {
    await putEmbedded(`${dir}/database`, silentLog)
    const database = await openDatabase({ dir: `${dir}/database`, log: silentLog })
    await migrate(database, await coreMigrations())
    const payload = (text: string) =>
      JSON.stringify({ update_id: 1, message: { message_id: 1, date: 1, text, chat: { id: 5 } } })
    for (const [id, error] of [
      [1, 'E-AAAAA'],
      [2, 'E-BBBBB'],
    ] as const) {
      await database.query(
        `insert into inbox (bot_id, update_id, part, lane, state, payload, error, error_id, done_at)
         values (8000000002, $1, 3, 'chat:5', 2, $2, 'Error: broken', $3, now())`,
        [id, payload(`/deploy ${id}`), error],
      )
    }
    await database.close()
  })
  beforeEach(() => {
    Object.assign(process.env, {
      DATA_DIR: dir,
      BOT_TOKEN: '8000000002:AAanother-token-of-the-fake-Bot-API',
      ADMIN_IDS: '1',
    })
    delete process.env.DATABASE_URL
  })
  afterEach(() => {
    process.env = { ...environment }
  })

  it('lists what was put aside, and shows one with its text', async () => {
    const list = await printed(() => deadCommand([]))
    expect(list.text).to.include('2 put aside').and.include('E-AAAAA').and.include('Error: broken')
    const one = await printed(() => deadCommand(['show', 'e-bbbbb']))
    expect(one.text).to.include('/deploy 2').and.include('chat 5')
    expect(one.code).to.equal(0)
  })

  it('opens one again, drops another, and says which it doesn’t know', async () => {
    expect((await printed(() => deadCommand(['again', 'E-AAAAA']))).text).to.include('open again')
    expect((await printed(() => deadCommand(['drop', 'E-BBBBB']))).text).to.include('dropped')
    const unknown = await printed(() => deadCommand(['drop', 'E-AAAAA']))
    expect(unknown.text).to.include('there is none')
    expect(unknown.code).to.equal(1)
    const database = await openDatabase({ dir: `${dir}/database`, log: silentLog })
    const rows = await database.query(
      'select update_id as id, state, payload is null as gone from inbox order by 1',
    )
    await database.close()
    expect(rows).to.deep.equal([
      { id: 1, state: 0, gone: false },
      { id: 2, state: 1, gone: true },
    ])
  })

  it('explains itself when it is not understood', async () => {
    const error = await rejected(deadCommand(['bury', 'E-AAAAA']))
    expect(error.code).to.equal('OPS_CLI_USAGE')
    expect(error.hint).to.include('dead show ID')
  })
})
