import { expect } from 'chai'
import { workOff } from '../../../core/app/instances.ts'
import type { Beat, Presence } from '../../../core/database/instances/presence.ts'
import { Partitions } from '../../../core/update/partition/partitions.ts'
import { silentLog } from '../../support/log.ts'

/** An instance that is about to stop, and the beats that tell it how many serve. */
async function stopping() {
  const beats: ((beat: Beat) => Promise<void>)[] = []
  const presence = {
    id: 'a',
    isSure: true,
    onBeat: (listener: (beat: Beat) => Promise<void>) => beats.push(listener),
    become: async () => undefined,
  }
  const session = { query: async () => [], listen: async () => undefined }
  const partitions = new Partitions({
    session,
    // as far as it is asked
    presence: presence as unknown as Presence,
    log: silentLog,
  })
  const inbox = {
    takeIn: async () => undefined,
    lookInto: () => undefined,
    leave: () => undefined,
    sizeOf: () => 0,
    begunIn: () => [],
    written: async () => undefined,
    countBacklog: async () => undefined,
  }
  await partitions.start(inbox)
  const serving = async (count: number) => {
    for (const tell of beats) await tell({ kept: true, serving: count })
  }
  return { partitions, serving }
}

/** One whose work never ends by itself. */
const endless = {
  drain: (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve())
    }),
}

describe('what waits at a stop', () => {
  it('is worked off by who is alone, until another instance serves', async () => {
    const { partitions, serving } = await stopping()
    await serving(1)
    let isOver = false
    const over = workOff(endless, partitions, AbortSignal.timeout(60_000)).then(() => {
      isOver = true
    })
    await serving(1)
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).to.equal(false)
    await serving(2)
    await over
  })

  it('is left to the others at once if there are any', async () => {
    const { partitions, serving } = await stopping()
    await serving(3)
    await workOff(endless, partitions, AbortSignal.timeout(60_000))
  })

  it('ends with the limit, and when there is nothing more', async () => {
    const { partitions, serving } = await stopping()
    await serving(1)
    await workOff(endless, partitions, AbortSignal.timeout(10))
    await workOff({ drain: async () => undefined }, partitions, AbortSignal.timeout(60_000))
    await workOff({ drain: async () => undefined }, undefined, AbortSignal.timeout(60_000))
  })
})
