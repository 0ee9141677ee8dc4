import { expect } from 'chai'
import type { Beat, Presence } from '../../../../core/database/instances/presence.ts'
import type { ServerSession } from '../../../../core/database/session.ts'
import { type PartitionedInbox, Partitions } from '../../../../core/update/partition/partitions.ts'
import { silentLog } from '../../../support/log.ts'
import { until } from '../../../support/wait.ts'

describe('partitions that are over', () => {
  it('are all given back, also those that become idle while others are being given back', async () => {
    const owned = new Set<number>()
    const gate = Promise.withResolvers<void>()
    let asked = 0
    const query = async (text: string, values: readonly unknown[] = []): Promise<unknown[]> => {
      if (text.includes('select part, owner')) {
        return [...owned].map((part) => ({ part, isFree: false }))
      }
      if (text.includes('with free')) {
        const free = Array.from({ length: Number(values[1]) }, (_, part) => part)
        for (const part of free) owned.add(part)
        return free.map((part) => ({ part, givenBack: true }))
      }
      if (text.includes('given_back = true')) {
        if (++asked === 1) await gate.promise
        for (const part of values[1] as number[]) owned.delete(part)
      }
      return []
    }
    let beat: (beat: Beat) => Promise<void> = async () => undefined
    const presence = {
      id: 'a',
      isSure: true,
      onBeat: (listener: typeof beat) => {
        beat = listener
      },
      become: () => beat({ kept: true, serving: 1 } as Beat),
    }
    const partitions = new Partitions({
      session: { query, listen: async () => undefined } as unknown as ServerSession,
      presence: presence as unknown as Presence,
      log: silentLog,
    })
    const busy = new Set(Array.from({ length: 64 }, (_, part) => part))
    const inbox: PartitionedInbox = {
      takeIn: async () => undefined,
      lookInto: () => undefined,
      leave: () => undefined,
      sizeOf: (part) => (busy.has(part) ? 1 : 0),
      begunIn: () => [],
      written: async () => undefined,
      countBacklog: async () => undefined,
    }
    await partitions.start(inbox)
    expect(partitions.count).to.equal(64)
    // another instance has come, and everything here is busy
    await beat({ kept: true, serving: 2 } as Beat)
    const ends = (part: number) => {
      busy.delete(part)
      partitions.ended(part)
    }
    ends(1)
    await until('the first is being given back', () => asked === 1)
    ends(2)
    // by now it is ready, and waits for its turn
    await new Promise((resolve) => setImmediate(resolve))
    gate.resolve()
    await until('both are free', () => !owned.has(1) && !owned.has(2), 2_000)
    await until('neither is held', () => partitions.count === 62, 2_000)
  })
})
