import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import { OpsError } from '../../../../core/errors.ts'
import type { Generation } from '../../../../core/plugin/generation/generation.ts'
import type { ReloadReport } from '../../../../core/plugin/reload/announce.ts'
import type { ReloadEvents } from '../../../../core/plugin/reload/events.ts'
import type { PlaygroundNotice, ReloadNotice } from '../../../../core/testing/playground/notices.ts'
import { passOnReloads } from '../../../../core/testing/playground/reload-notices.ts'

describe('notices of reloads', () => {
  const reloads = new EventEmitter<ReloadEvents>()
  const notices = new EventEmitter<{ notice: [PlaygroundNotice] }>()
  const seen: ReloadNotice[] = []
  notices.on('notice', (notice) => notice.type === 'reload' && seen.push(notice))
  passOnReloads(reloads, notices, { redact: (text) => text.replaceAll('hunter2', '…') })
  beforeEach(() => seen.splice(0))

  const report = (more: Partial<ReloadReport>): ReloadReport => ({
    plugin: 'ping',
    action: 'reload',
    before: 'a',
    after: 'b',
    ms: 20,
    steps: {},
    cause: { why: 'save' as const },
    ...more,
  })
  // only its number is looked at
  const commit = (...reports: ReloadReport[]) =>
    reloads.emit('committed', { id: 7 } as Generation, reports)

  it('tell a first load, a reload and a removal apart', () => {
    commit(report({ action: 'load' }), report({ action: 'reload' }), report({ action: 'unload' }))
    expect(seen.map(({ ok, change }) => [ok, change])).to.deep.equal([
      [true, 'load'],
      [true, 'reload'],
      [true, 'unload'],
    ])
    expect(seen[0]).to.include({ plugin: 'ping', generation: 7, ms: 20 })
  })

  it('never say of a plugin without a version before that it goes on', () => {
    const error = new OpsError('OPS_PLUGIN_BUILD', 'hunter2 was not expected', {
      details: { frame: '> 1 | hunter2' },
    })
    reloads.emit('aborted', report({ action: 'abort', before: undefined, error }))
    reloads.emit('aborted', report({ action: 'abort', error }))
    expect(seen.map(({ change }) => change)).to.deep.equal(['load', 'reload'])
    expect(seen[0]).to.include({ ok: false, code: 'OPS_PLUGIN_BUILD', frame: '> 1 | hunter2' })
    expect(seen[0]?.message).to.equal('… was not expected')
  })

  it('take a failure out of sight whose folder is gone', () => {
    reloads.emit('forgotten', 'ping')
    expect(seen).to.deep.equal([{ type: 'reload', ok: true, change: 'unload', plugin: 'ping' }])
  })

  it('leave a failure in sight while the last good build stands in', () => {
    commit(report({ action: 'last-good' }))
    expect(seen).to.deep.equal([])
  })
})
