import { expect } from 'chai'
import { ChatSettingsCache } from '../../../../core/plugin/chats/settings.ts'
import { MemoryStore } from '../../../../core/store/memory.ts'
import { silentLog } from '../../../support/log.ts'

describe('settings of chats', () => {
  it('are those of the newest look, also when an older one is answered later', async () => {
    const answers: ((off: readonly string[]) => void)[] = []
    const row = (off: readonly string[]) => [
      { chat_id: -1, language: null, time_zone: null, plugins_off: off },
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
})
