import { expect } from 'chai'
import type { EntityManager, UpdateFacts } from 'opsgram'
import { createAuthenticator } from './authenticator.ts'
import type { Owners } from './owners.ts'
import type { Profiles } from './profile.ts'
import type { Strangers } from './strangers.ts'

const facts: UpdateFacts = {
  updateId: 1,
  kind: 'message',
  chatId: 7,
  chatType: 'private',
  userId: 7,
  from: { id: 7, first_name: 'Ann' },
  isEdited: false,
  isForwarded: false,
  lane: 'chat:7',
}

const row = {
  id: '01',
  epoch: '01:0',
  username: null,
  first_name: 'Ann',
  last_name: null,
  language: null,
  time_zone: null,
  role: 'admin',
  status: 'active',
  metadata: {},
  stale: false,
  now: 1,
}

/** One whose database answers like this. */
function authenticatorOver(execute: () => Promise<unknown[]>, ownerIds: readonly number[] = []) {
  return createAuthenticator({
    // only what the gate calls: the rest is never reached
    em: () => ({ execute }) as unknown as EntityManager,
    owners: { has: (id: number) => ownerIds.includes(id) } as Owners,
    strangers: { refuse: async () => 'refused' } as unknown as Strangers,
    profiles: { seen: () => false } as unknown as Profiles,
  })
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('the gate', () => {
  it('looks at a person again when the inbox names another epoch, or none', async () => {
    let looks = 0
    const gate = authenticatorOver(async () => {
      looks++
      return [{ ...row, epoch: looks < 3 ? '01:0' : '01:1' }]
    })
    const looksAfter = async (epoch?: string) => {
      const approach = epoch === undefined ? { open: false } : { open: false, epoch }
      expect(await gate.authenticate(facts, approach)).to.include({ admitted: true })
      return looks
    }
    expect(await looksAfter('01:0')).to.equal(1)
    expect(await looksAfter('01:0')).to.equal(1)
    // it waited for too long to know
    expect(await looksAfter()).to.equal(2)
    expect(await looksAfter('01:1')).to.equal(3)
    expect(await looksAfter('01:1')).to.equal(3)
    // the row was made anew
    expect(await looksAfter('02:1')).to.equal(4)
  })
})

describe('the gate fails closed', () => {
  it('when the database does, for owners too', async () => {
    const away = new Error('Connection terminated')
    const gate = authenticatorOver(() => Promise.reject(away), [7])
    expect(await failure(gate.authenticate(facts, { open: false }))).to.equal(away)
  })

  it('when a row holds a status that nobody knows', async () => {
    const gate = authenticatorOver(async () => [{ ...row, status: 'probation' }])
    expect(await failure(gate.authenticate(facts, { open: false }))).to.be.an('error')
  })

  it('to blocked people, also from what is open to everyone', async () => {
    const gate = authenticatorOver(async () => [{ ...row, status: 'blocked' }])
    for (const open of [true, false]) {
      const decision = await gate.authenticate(facts, { open })
      expect(decision).to.include({ admitted: false, reason: 'blocked' })
      expect(decision).not.to.have.property('audience')
    }
  })

  it('when a row calls somebody an owner whom ADMIN_IDS does not name', async () => {
    const gate = authenticatorOver(async () => [{ ...row, role: 'owner' }])
    const decision = await gate.authenticate(facts, { open: false })
    expect(decision.admitted && decision.actor.role).to.equal('guest')
  })
})
