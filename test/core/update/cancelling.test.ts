import { expect } from 'chai'
import type { UpdateRun } from '../../../core/plugin/run/run.ts'
import { factsOf } from '../../../core/telegram/facts.ts'
import { Cancelling } from '../../../core/update/cancelling.ts'
import { Deadlines } from '../../../core/update/deadline.ts'
import type { InboxItem } from '../../../core/update/inbox/item.ts'

const person = 7

function message(from: number, text: string): InboxItem {
  const update = {
    update_id: 1,
    message: {
      message_id: 1,
      date: 1,
      text,
      entities: [{ type: 'bot_command', offset: 0, length: text.length }],
      chat: { id: -5, type: 'group', title: 'Ops' },
      from: { id: from, is_bot: false, first_name: 'Ann' },
    },
  }
  // as far as it is looked at
  return { update, facts: factsOf(update), part: 0 } as unknown as InboxItem
}

describe('a cancel', () => {
  const cases = {
    'of who asked for it': { item: message(person, '/cancel'), ends: true },
    'that names the bot': { item: message(person, '/cancel@ops_bot'), ends: true },
    'for another bot': { item: message(person, '/cancel@other_bot'), ends: false },
    'of somebody else in the chat': { item: message(8, '/cancel'), ends: false },
    'that is none': { item: message(person, '/cancelled'), ends: false },
  }
  for (const [who, { item, ends }] of Object.entries(cases)) {
    it(`${who} ${ends ? 'ends' : 'doesn’t end'} what runs`, async () => {
      const cancelling = new Cancelling('ops_bot')
      const deadlines = new Deadlines(10_000)
      const deadline = deadlines.begin()
      const { facts } = message(person, '/work')
      const { signal } = deadline
      // as far as it is looked at
      const run = {
        facts,
        signal,
        admitted: true,
        isUser: true,
        commit: 'open',
        route: { plugin: 'x', name: 'work' },
      } as unknown as UpdateRun
      await cancelling.during(run, deadline, async () => cancelling.arrived(item))
      deadlines.stop()
      expect(signal.aborted).to.equal(ends)
      expect(cancelling.takenBy(1)).to.equal(ends ? 'work' : undefined)
    })
  }
})
