import { expect } from 'chai'
import { createTestBot, type TestBot } from 'opsgram/testing'
import { until } from '../../../support/wait.ts'

const sample = (version: string) => ({
  'index.ts': `import { definePlugin } from 'opsgram'
export default definePlugin({ name: 'sample', version: '${version}' })
`,
})

interface Row {
  action: string
  outcome: string
  reason: string | null
  before: { hash: string } | null
  after: { hash: string | null; ms: number; steps: Record<string, number> }
}

describe('the audit of reloads', () => {
  let bot: TestBot

  before(async () => {
    bot = await createTestBot()
  })
  after(() => bot.stop())

  it('has a row for every load, reload, abort and removal, with hashes and durations', async () => {
    await bot.dropPlugin('sample', sample('1.0.0'))
    await bot.edit('sample', sample('1.0.1'))
    await bot.edit('sample', { 'index.ts': 'export default' }).catch(() => undefined)
    await bot.removePlugin('sample')
    const rows = await until('four rows', async () => {
      const found = await bot.database.query<Row>(
        `select action, outcome, reason, before, after from audit_log
         where target = 'plugin:sample' order by id`,
      )
      return found.length >= 4 ? found : undefined
    })
    expect(rows.map(({ action, outcome }) => `${action} ${outcome}`)).to.deep.equal([
      'plugin.load done',
      'plugin.reload done',
      'plugin.abort failed',
      'plugin.unload done',
    ])
    const [load, reload, abort, unload] = rows
    expect(load?.before).to.equal(null)
    expect(reload?.before?.hash).to.equal(load?.after.hash)
    expect(reload?.after.hash).not.to.equal(load?.after.hash)
    expect(reload?.after.steps).to.have.keys('build', 'migrate', 'compose', 'setUp', 'commit')
    expect(abort?.reason).to.include('OPS_PLUGIN_BUILD')
    expect(unload?.before?.hash).to.equal(reload?.after.hash)
  })
})
