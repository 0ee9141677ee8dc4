import { expect } from 'chai'
import type { EntityManager, UpdateFacts } from 'opsgram'
import { ActorRights } from './actor-rights.ts'
import { createAuthenticator } from './authenticator.ts'
import type { Owners } from './owners.ts'
import { PersonRows } from './person-row.ts'
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
  telegram_id: 7,
  epoch: '01:0',
  username: null,
  first_name: 'Ann',
  last_name: null,
  language: null,
  chosen_language: null,
  time_zone: null,
  role: 'admin',
  status: 'active',
  metadata: {},
  base: null,
  until: null,
  locked: false,
  own_grants: null,
  role_grants: null,
  stale: false,
  now: 1,
}

/** One whose database answers like this. */
function authenticatorOver(execute: () => Promise<unknown[]>, ownerIds: readonly number[] = []) {
  const isOwner = (id: number) => ownerIds.includes(id)
  const em = () => ({ execute }) as unknown as EntityManager
  return createAuthenticator({
    em,
    // only what the gate calls: the rest is never reached
    rows: new PersonRows({ em, isOwner }),
    owners: { has: isOwner } as Owners,
    rights: new ActorRights(),
    now: () => 1_000,
    texts: () => (key) => key,
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
  it('names people by what can be read of the names that they gave themselves', async () => {
    const gate = authenticatorOver(async () => [row])
    const nameOf = async (first_name: string) => {
      const from = { id: 7, first_name, username: 'ann' }
      const decision = await gate.authenticate({ ...facts, from }, { open: false })
      return decision.admitted && decision.actor.name
    }
    expect(await nameOf('\u202eA\u200bnn')).to.equal('Ann')
    expect(await nameOf('\u2066\u200b')).to.equal('@ann')
    expect(await nameOf('x'.repeat(300))).to.have.length(65)
  })

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

  it('when their access has ended, or owners froze the bot', async () => {
    for (const [change, reason] of [
      [{ until: 1_000 }, 'refused'],
      [{ until: 1_001 }, undefined],
      [{ locked: true }, 'lockdown'],
    ] as const) {
      const gate = authenticatorOver(async () => [{ ...row, ...change }])
      const decision = await gate.authenticate(facts, { open: false })
      if (decision === ('refused' as unknown)) expect(reason).to.equal('refused')
      else expect(decision.admitted ? undefined : decision.reason).to.equal(reason)
      const owner = authenticatorOver(async () => [{ ...row, ...change }], [7])
      expect(await owner.authenticate(facts, { open: false })).to.include({ admitted: true })
    }
  })

  it('when a row calls somebody an owner whom ADMIN_IDS does not name', async () => {
    const gate = authenticatorOver(async () => [{ ...row, role: 'owner' }])
    const decision = await gate.authenticate(facts, { open: false })
    expect(decision.admitted && decision.actor.role).to.equal('guest')
  })
})
