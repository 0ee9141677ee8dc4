import { resolve } from 'node:path'
import { expect } from 'chai'
import { migrateCommand } from '../../../core/cli/migrate.ts'
import { freshFolder } from '../../support/folders.ts'
import { printed } from './output.ts'

const plugins = resolve(import.meta.dirname, '../../../plugins')

describe('opsgram migrate', () => {
  const before = { ...process.env }

  beforeEach(() => {
    Object.assign(process.env, { DATA_DIR: freshFolder(), PLUGINS_DIR: plugins })
  })
  afterEach(() => {
    process.env = before
  })

  it('brings core and plugins up to date, and --dry-run only tells', async () => {
    const first = await printed(() => migrateCommand(['--dry-run']))
    expect(first.text)
      .to.contain('core: pending 0001_core')
      .and.to.contain('worklog: pending 0001_entries')
    const run = await printed(() => migrateCommand([]))
    expect(run.text).to.contain('worklog: applied 0001_entries')
    const again = await printed(() => migrateCommand(['--dry-run']))
    expect(again.text).to.contain('core: up to date').and.not.to.contain('pending')
    expect(again.code).to.equal(0)
  })
})
