import { expect } from 'chai'
import type { BulkTable } from '../../../../core/database/bulk-writer.ts'
import { ErrorReports } from '../../../../core/plugin/logs/errors.ts'
import { RecordedLog } from '../../../../core/testing/test-bot/log.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

describe('reports of errors', () => {
  let now: number
  let rows: Readonly<Record<string, unknown>>[]
  let pruned: string[]
  let log: RecordedLog
  let reports: ErrorReports
  beforeEach(() => {
    now = Date.UTC(2026, 2, 2, 10, 5)
    rows = []
    pruned = []
    log = new RecordedLog()
    const table: BulkTable = {
      push: (row) => void rows.push(row),
      flush: async () => undefined,
      async prune({ before }) {
        pruned.push(before.toISOString())
        return 0
      },
      release: () => undefined,
    }
    reports = new ErrorReports({
      database: { query: async () => [] },
      table,
      redact: (text) => text,
      instance: 'one',
      now: () => new Date(now),
      log,
    })
  })

  let ids = 0
  const fails = (times: number, fields: object) => {
    const error = new Error('no')
    for (let i = 0; i < times; i++) {
      reports.take('update.failed', { errorId: `E-${++ids}`, error, ...fields })
    }
  }

  it('are kept up to a number an hour of what fails, which the log tells once', () => {
    const talk = { plugin: 'talk', route: 'message:text' }
    fails(300, talk)
    fails(3, { plugin: 'talk', route: 'other' })
    expect(rows).to.have.length(203)
    const told = log.lines.filter(({ event }) => event === 'errors.not-kept')
    expect(told.map(({ fields }) => fields)).to.deep.equal([
      { plugin: 'talk', what: 'message:text', most: 200 },
    ])
    now += hourMs
    fails(1, talk)
    expect(rows).to.have.length(204)
  })

  it('go after 90 days where nobody else decides when', async () => {
    const { signal } = new AbortController()
    await reports.pruneUndecided(signal)
    expect(pruned).to.deep.equal([new Date(now - 90 * dayMs).toISOString()])
    await reports.prune(new Date(now - 365 * dayMs))
    now += 12 * hourMs
    await reports.pruneUndecided(signal)
    expect(pruned).to.have.length(2)
    now += 13 * hourMs
    await reports.pruneUndecided(signal)
    expect(pruned).to.have.length(3)
  })
})
