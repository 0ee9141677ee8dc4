import { expect } from 'chai'
import { type Decision, decide } from './decide.ts'
import { type Grant, GrantIndex, isPermissionOrPattern } from './grants.ts'

const write = { name: 'worklog.write', roles: ['operator'] }
const now = 1_000
const here = { chatId: -5, threadId: 3 }

function grant(permission: string, more: Partial<Grant> = {}): Grant {
  const open = { chat: null, thread: null, until: null, reason: null }
  return { id: 'G', permission, effect: 'allow', ...open, ...more }
}
const deny = (permission: string, more: Partial<Grant> = {}) =>
  grant(permission, { effect: 'deny', ...more })

interface Given {
  role?: string
  base?: string | undefined
  own?: readonly Grant[]
  ofRole?: readonly Grant[]
}

function decided({ role = 'guest', base = role, own = [], ofRole = [] }: Given): Decision {
  const rights = { role, base, own: new GrantIndex(own), ofRole: new GrantIndex(ofRole) }
  return decide(rights, write, here, now)
}

describe('who may do what', () => {
  const cases: [what: string, given: Given, allowed: boolean, ground: string][] = [
    ['nobody without a reason', {}, false, 'nothing'],
    ['a role that the manifest names', { role: 'operator' }, true, 'manifest'],
    ['no other role, a higher one neither', { role: 'admin' }, false, 'nothing'],
    [
      'a role made here by what it is based on',
      { role: 'dba', base: 'operator' },
      true,
      'manifest',
    ],
    ['a role that is gone: nothing', { role: 'dba', base: undefined }, false, 'nothing'],
    ['owners, whatever is denied to them', { role: 'owner', own: [deny('*')] }, true, 'owner'],
    ['whom it was granted to', { own: [grant('worklog.write')] }, true, 'grant'],
    ['whose role it was granted to', { ofRole: [grant('worklog.write')] }, true, 'grant'],
    ['by a pattern', { own: [grant('worklog.*')] }, true, 'grant'],
    ['by the pattern of all', { own: [grant('*')] }, true, 'grant'],
    ['not by a pattern of another plugin', { own: [grant('work.*')] }, false, 'nothing'],
    ['not by the grant of another right', { own: [grant('worklog.read')] }, false, 'nothing'],
    [
      'a denial counts before a grant of the same holder',
      { own: [grant('worklog.write'), deny('worklog.*')] },
      false,
      'grant',
    ],
    [
      'also when the denial is the named one',
      { own: [deny('worklog.write'), grant('*')] },
      false,
      'grant',
    ],
    [
      "a person's own before the role's",
      { own: [grant('worklog.write')], ofRole: [deny('worklog.write')] },
      true,
      'grant',
    ],
    [
      "a person's own denial before the role's grant",
      { own: [deny('worklog.write')], ofRole: [grant('worklog.write')] },
      false,
      'grant',
    ],
    ['grants before the manifest', { role: 'operator', ofRole: [deny('*')] }, false, 'grant'],
    ['in the chat of the grant', { own: [grant('*', { chat: -5 })] }, true, 'grant'],
    ['not in another chat', { own: [grant('*', { chat: -6 })] }, false, 'nothing'],
    ['in the topic of the grant', { own: [grant('*', { chat: -5, thread: 3 })] }, true, 'grant'],
    ['not in another topic', { own: [grant('*', { chat: -5, thread: 4 })] }, false, 'nothing'],
    ['until it ends', { own: [grant('*', { until: 1_001 })] }, true, 'grant'],
    ['not from then on', { own: [grant('*', { until: 1_000 })] }, false, 'nothing'],
    [
      'an ended denial no more',
      { role: 'operator', own: [deny('*', { until: 1_000 })] },
      true,
      'manifest',
    ],
  ]
  for (const [what, given, allowed, ground] of cases) {
    it(what, () => {
      const decision = decided(given)
      expect([decision.allowed, decision.ground.kind]).to.deep.equal([allowed, ground])
    })
  }

  it('takes permissions and patterns of whole words, nothing else', () => {
    for (const good of ['worklog.write', 'worklog.*', '*', 'a1.b-c.d', 'worklog.entries.*']) {
      expect(isPermissionOrPattern(good), good).to.equal(true)
    }
    for (const bad of [
      '',
      'worklog',
      'worklog.',
      'work*',
      'worklog.wr*',
      '*.write',
      "x.'; --",
      'a.b c',
    ]) {
      expect(isPermissionOrPattern(bad), bad).to.equal(false)
    }
  })
})
