import { EventEmitter } from 'node:events'
import { expect } from 'chai'
import { keepMenus } from '../../../../core/app/plugins/menus.ts'
import type { Actor } from '../../../../core/plugin/access.ts'
import type { ChatSetting } from '../../../../core/plugin/chats/settings.ts'
import { factsOf } from '../../../../core/telegram/facts.ts'
import { silentLog } from '../../../support/log.ts'

const ann = { kind: 'user', id: '01', telegramId: 7, name: 'Ann', role: 'operator' } as const
const bob = { kind: 'stranger', telegramId: 8 } as const

/** An instance among others, and what it did about menus. */
function instance(leads: boolean) {
  const done: unknown[] = []
  const heard: ((subject: string) => void)[] = []
  const events = new EventEmitter<{ committed: [] }>()
  const menus = {
    refresh: async () => void done.push('all'),
    met: (actor: unknown) => void done.push(actor),
    metGroup: (group: unknown) => void done.push(group),
  }
  const leadership = { leads, onChange: () => undefined }
  const news = {
    tell: async (subject: string) => void done.push(subject),
    onHeard: (listener: (subject: string) => void) => void heard.push(listener),
  }
  const settled = keepMenus({
    menus,
    reloader: { events },
    instances: { leadership, news },
    log: silentLog,
  })
  const meets = (actor: Actor, type = 'private', chat?: ChatSetting) => {
    const message = { message_id: 1, date: 1, chat: { id: 7, type }, text: 'x' }
    settled({ actor, facts: factsOf({ update_id: 1, message } as never), chat })
  }
  const hears = (subject: string) => heard.forEach((listener) => void listener(subject))
  return { done, meets, hears, reload: () => events.emit('committed') }
}

describe('menus of several instances', () => {
  it('are set by the one that leads', () => {
    const leader = instance(true)
    leader.meets(ann)
    leader.meets(ann, 'group')
    leader.meets({ kind: 'none' })
    leader.reload()
    leader.hears('reload:worklog')
    expect(leader.done).to.deep.equal([ann, 'all'])
  })

  it('of groups follow what was decided for them, whichever instance has their updates', () => {
    const [leader, other] = [instance(true), instance(false)]
    const decided = { off: new Set(['worklog']), language: 'ru' }
    const group = { kind: 'group', chatId: 7, off: ['worklog'], language: 'ru' }
    leader.meets(ann, 'supergroup', decided)
    leader.meets(ann, 'channel', decided)
    other.meets(ann, 'supergroup', decided)
    other.meets({ kind: 'none' }, 'supergroup', decided)
    for (const subject of other.done) leader.hears(String(subject))
    expect(leader.done).to.deep.equal([group, group])
  })

  it('and by no other, which tells it whom it met, once until something changes', () => {
    const [leader, other] = [instance(true), instance(false)]
    other.meets(ann)
    other.meets(ann)
    other.meets(bob)
    other.reload()
    other.meets(ann)
    other.meets({ ...ann, role: 'admin' })
    for (const subject of other.done) leader.hears(String(subject))
    expect(leader.done).to.deep.equal([ann, bob, ann, { ...ann, role: 'admin' }])
    for (const subject of [...other.done]) other.hears(String(subject))
    expect(other.done).to.have.length(4)
  })
})
