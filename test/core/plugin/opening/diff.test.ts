import { expect } from 'chai'
import {
  type Accepted,
  acceptedWhole,
  keyOf,
  nothingAccepted,
  openingsOf,
  sameAccepted,
  settled,
} from '../../../../core/plugin/opening/diff.ts'
import type { Rule, Surface } from '../../../../core/plugin/opening/surface.ts'

const rule = (given: Partial<Rule> = {}): Rule => ({
  permission: null,
  chats: 'any',
  everyone: false,
  confirm: false,
  proof: null,
  ...given,
})
const roles = {
  'p.all': ['admin', 'operator', 'guest'],
  'p.ops': ['admin', 'operator'],
  'p.admin': ['admin'],
}
/** One way in, `command:/x`, under this rule. */
const surface = (given: Partial<Rule> | undefined, own: Surface['roles'] = roles): Surface => ({
  ways: given === undefined ? {} : { 'command:/x': rule(given) },
  roles: own,
})
const accepted = (given: Partial<Rule> | undefined, own?: Surface['roles']): Accepted => ({
  ...surface(given, own),
  refused: [],
})
const kinds = (before: Surface, now: Surface) => openingsOf(before, now).map(({ kind }) => kind)

describe('what a plugin opens beyond what was accepted', () => {
  it('is a hook that was not there, or takes a weaker proof', () => {
    const hook = (proof: Rule['proof']): Surface => ({
      ways: { 'hook:x': rule({ proof }) },
      roles: {},
    })
    const proofs = ['signed with a time', 'signed', 'bearer', 'own'] as const
    for (const [at, before] of proofs.entries()) {
      expect(openingsOf({ ways: {}, roles: {} }, hook(before))).to.deep.equal([
        { kind: 'new', what: 'hook:x', before: null, now: before },
      ])
      for (const [then, now] of proofs.entries()) {
        expect(kinds(hook(before), hook(now))).to.deep.equal(then > at ? ['proof'] : [])
      }
    }
  })

  describe('a way in that was not there', () => {
    const cases: [string, Partial<Rule>, boolean][] = [
      ['without a permission', {}, true],
      ['without a permission, in private chats only', { chats: 'private' }, true],
      ['with a permission that guests hold', { permission: 'p.all' }, true],
      ['with a permission of some roles', { permission: 'p.ops' }, false],
      ['with a permission that no role holds', { permission: 'p.none' }, false],
      ['for strangers too', { everyone: true }, true],
      ['that asks before it acts', { confirm: true }, true],
    ]
    for (const [name, given, opens] of cases) {
      it(`${name} ${opens ? 'is one' : 'is none'}`, () => {
        expect(kinds(nothingAccepted, surface(given))).to.deep.equal(opens ? ['new'] : [])
        expect(kinds(accepted(undefined), surface(given))).to.deep.equal(opens ? ['new'] : [])
      })
    }
  })

  describe('a permission', () => {
    const names = [null, 'p.all', 'p.ops', 'p.admin', 'p.none']
    // by how many roles come in: one that is asked for is always narrower than none
    const widens = new Set([
      'p.all null',
      'p.ops null',
      'p.ops p.all',
      'p.admin null',
      'p.admin p.all',
      'p.admin p.ops',
      'p.none null',
      'p.none p.all',
      'p.none p.ops',
      'p.none p.admin',
    ])
    for (const before of names) {
      for (const now of names) {
        const opens = widens.has(`${before} ${now}`)
        it(`${before} replaced by ${now} ${opens ? 'opens' : 'opens nothing'}`, () => {
          const found = openingsOf(surface({ permission: before }), surface({ permission: now }))
          expect(found).to.deep.equal(
            opens ? [{ kind: 'permission', what: 'command:/x', before, now }] : [],
          )
        })
      }
    }

    it('of another name and the same roles opens nothing, of other roles it does', () => {
      const own = { 'p.a': ['admin'], 'p.b': ['admin'], 'p.c': ['operator'] }
      const asks = (permission: string) => surface({ permission }, own)
      expect(kinds(asks('p.a'), asks('p.b'))).to.deep.equal([])
      expect(kinds(asks('p.a'), asks('p.c'))).to.deep.equal(['permission'])
    })

    it('is compared by the roles that were accepted, not by those that are declared beside it', () => {
      const before = surface({ permission: 'p.a' }, { 'p.a': ['admin'] })
      const now = surface({ permission: 'p.b' }, { 'p.a': ['admin'], 'p.b': ['admin', 'operator'] })
      expect(kinds(before, now)).to.deep.equal(['permission'])
    })
  })

  describe('the default roles of a permission', () => {
    const held = (...own: string[]) => surface({ permission: 'p.a' }, { 'p.a': own })
    it('that grow open the added ones', () => {
      expect(openingsOf(held('admin'), held('admin', 'operator', 'guest'))).to.deep.equal([
        { kind: 'roles', what: 'p.a', before: 'admin', now: 'operator, guest' },
      ])
      expect(kinds(held(), held('admin'))).to.deep.equal(['roles'])
    })
    it('that are exchanged open too, that shrink or come in another order don’t', () => {
      expect(kinds(held('admin'), held('operator'))).to.deep.equal(['roles'])
      expect(kinds(held('admin', 'operator'), held('admin'))).to.deep.equal([])
      expect(kinds(held('admin', 'operator'), held('operator', 'admin'))).to.deep.equal([])
    })
    it('of a new permission open nothing by themselves', () => {
      const now = surface({ permission: 'p.a' }, { 'p.a': ['admin'], 'p.b': ['operator'] })
      expect(kinds(held('admin'), now)).to.deep.equal([])
    })
  })

  describe('the chats in which it answers', () => {
    const places = ['private', 'group', 'any'] as const
    const widens = new Set(['private group', 'private any', 'group private', 'group any'])
    for (const before of places) {
      for (const now of places) {
        const opens = widens.has(`${before} ${now}`)
        it(`${before} replaced by ${now} ${opens ? 'opens' : 'opens nothing'}`, () => {
          const found = openingsOf(surface({ chats: before }), surface({ chats: now }))
          expect(found).to.deep.equal(
            opens ? [{ kind: 'chats', what: 'command:/x', before, now }] : [],
          )
        })
      }
    }
  })

  it('is an audience that becomes everyone, not one that no longer is', () => {
    expect(kinds(surface({}), surface({ everyone: true }))).to.deep.equal(['audience'])
    expect(kinds(surface({ everyone: true }), surface({}))).to.deep.equal([])
    expect(kinds(surface({ everyone: true }), surface({ everyone: true }))).to.deep.equal([])
  })

  it('is a question that is no longer asked, not one that is added', () => {
    expect(kinds(surface({ confirm: true }), surface({}))).to.deep.equal(['confirm'])
    expect(kinds(surface({}), surface({ confirm: true }))).to.deep.equal([])
  })

  it('names every trait that became weaker, each once', () => {
    const before = surface({ permission: 'p.admin', chats: 'private', confirm: true })
    const now = surface({ everyone: true })
    expect(kinds(before, now)).to.deep.equal(['permission', 'chats', 'audience', 'confirm'])
  })

  it('is nothing where a way is gone or all is as it was', () => {
    expect(kinds(surface({}), surface(undefined))).to.deep.equal([])
    expect(kinds(surface({}), surface({}))).to.deep.equal([])
  })
})

describe('what is accepted once a plugin serves', () => {
  it('is narrowed at once, so that widening again is an opening', () => {
    const open = accepted({ everyone: true })
    const narrow = surface({ permission: 'p.admin', chats: 'private', confirm: true })
    const after = settled(open, narrow)
    expect(after.ways).to.deep.equal(narrow.ways)
    expect(kinds(after, open)).to.deep.equal(['permission', 'chats', 'audience', 'confirm'])
  })

  it('keeps the former rule for what is wider, and takes over the rest', () => {
    const before = accepted({ permission: 'p.admin', chats: 'any' })
    const now = surface({ permission: null, chats: 'private' })
    expect(settled(before, now).ways['command:/x']).to.deep.equal(
      rule({ permission: 'p.admin', chats: 'private' }),
    )
  })

  it('takes over a new way that is guarded, and never one that is open', () => {
    expect(settled(nothingAccepted, surface({ permission: 'p.ops' })).ways).to.have.keys(
      'command:/x',
    )
    expect(settled(nothingAccepted, surface({})).ways).to.deep.equal({})
  })

  it('keeps what is no longer declared: a folder that was away comes back as it was', () => {
    const after = settled(accepted({}), { ways: {}, roles: {} })
    expect(openingsOf(after, surface({}))).to.deep.equal([])
  })

  it('keeps a role only while it was accepted and is declared', () => {
    const after = settled(
      accepted({}, { 'p.a': ['admin', 'guest'] }),
      surface({}, { 'p.a': ['admin', 'operator'] }),
    )
    expect(after.roles['p.a']).to.deep.equal(['admin'])
  })

  it('forgets a refusal when what was refused is withdrawn', () => {
    const now = surface({})
    const refused = { ...nothingAccepted, refused: openingsOf(nothingAccepted, now).map(keyOf) }
    expect(settled(refused, now).refused).to.deep.equal(refused.refused)
    expect(settled(refused, surface(undefined)).refused).to.deep.equal([])
  })

  it('opens nothing, changes nothing the second time, and all is open once it is approved: whatever the change', () => {
    const rules = [undefined, ...everyRule()]
    for (const before of rules) {
      for (const now of rules) {
        const was = accepted(before)
        const declared = surface(now)
        const once = settled(was, declared)
        const what = JSON.stringify({ before, now })
        // nothing that waits is accepted by itself, and nothing is asked for twice
        const asked = openingsOf(was, declared).map(keyOf)
        expect(openingsOf(once, declared).map(keyOf), what).to.deep.equal(asked)
        expect(sameAccepted(settled(once, declared), once), what).to.equal(true)
        expect(openingsOf(acceptedWhole(once, declared), declared), what).to.deep.equal([])
      }
    }
  })
})

function everyRule(): Rule[] {
  const found: Rule[] = []
  for (const permission of [null, ...Object.keys(roles), 'p.none']) {
    for (const chats of ['private', 'group', 'any'] as const) {
      for (const everyone of [false, true]) {
        for (const confirm of [false, true])
          found.push(rule({ permission, chats, everyone, confirm }))
      }
    }
  }
  return found
}
