import { expect } from 'chai'
import { ChatSettingsCache } from '../../../../core/plugin/chats/settings.ts'
import { MemoryStore } from '../../../../core/store/memory.ts'
import { silentLog } from '../../../support/log.ts'

describe('settings of chats', () => {
  it('are those of the newest look, also when an older one is answered later', async () => {
    const answers: ((off: readonly string[]) => void)[] = []
    const row = (off: readonly string[]) => [
      { chat_id: -1, language: null, time_zone: null, plugins_off: off, version: 1 + off.length },
    ]
    const database = {
      query: () => new Promise((resolve) => answers.push((off) => resolve(row(off)))),
    } as unknown as ConstructorParameters<typeof ChatSettingsCache>[0]['database']
    const log = silentLog
    const cache = new ChatSettingsCache({ database, store: new MemoryStore(log), log })
    const looks = Promise.all([cache.refresh(), cache.refresh()])
    const turn = () => new Promise((resolve) => setImmediate(resolve))
    await turn()
    // asked at once, the second one would be answered first, and the first one would stay
    answers[1]?.(['worklog'])
    await turn()
    answers[0]?.([])
    await turn()
    answers[1]?.(['worklog'])
    await looks
    expect([...(cache.of(-1)?.off ?? [])]).to.deep.equal(['worklog'])
  })

  it('are never older than what came with an update, or was just committed', async () => {
    const row = (version: number, off: readonly string[]) => ({
      chat_id: -1,
      language: null,
      time_zone: null,
      plugins_off: [...off],
      version,
    })
    let stored: unknown[] = [row(1, [])]
    const database = { query: async () => stored } as unknown as ConstructorParameters<
      typeof ChatSettingsCache
    >[0]['database']
    const log = silentLog
    const cache = new ChatSettingsCache({ database, store: new MemoryStore(log), log })
    const off = () => cache.of(-1) && [...(cache.of(-1)?.off ?? [])]
    cache.hear(-1, row(2, ['worklog']))
    cache.hear(-1, row(1, []))
    await cache.refresh()
    await cache.look(-1)
    expect(off()).to.deep.equal(['worklog'])
    cache.put(row(3, []))
    cache.hear(-1, row(2, ['worklog']))
    expect(off()).to.deep.equal([])
    stored = [row(4, ['jobs'])]
    await cache.look(-1)
    expect(off()).to.deep.equal(['jobs'])
    // an update that was accepted before the row was made says nothing against it
    cache.hear(-1, undefined)
    await cache.refresh()
    expect(off()).to.deep.equal(['jobs'])
    stored = []
    await cache.look(-1)
    expect(off()).to.equal(undefined)
  })
})
