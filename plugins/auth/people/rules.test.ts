import { expect } from 'chai'
import { refusalOf } from './rules.ts'

describe('who may change whom', () => {
  const owner = { telegramId: 1, role: 'owner' }
  const admin = { telegramId: 2, role: 'admin' }
  const person = (role: string) => ({ telegramId: 3, role })
  const give = (role: string) => ({ kind: 'role', role }) as const
  const block = { kind: 'block' } as const

  const cases = [
    ['an owner makes an admin', owner, give('admin'), person('guest'), undefined],
    ['an owner blocks an admin', owner, block, person('admin'), undefined],
    ['an owner makes no owner', owner, give('owner'), person('admin'), 'makeOwner'],
    ['an owner changes no owner', owner, give('guest'), person('owner'), 'owner'],
    ['an owner blocks no owner', owner, block, person('owner'), 'owner'],
    ['an owner leaves themselves alone', owner, block, owner, 'self'],
    ['an admin makes an operator', admin, give('operator'), person('guest'), undefined],
    ['an admin makes no admin', admin, give('admin'), person('guest'), 'role'],
    ['an admin changes no admin', admin, give('guest'), person('admin'), 'person'],
    ['an admin blocks no admin', admin, block, person('admin'), 'person'],
    ['an admin unblocks no admin', admin, { kind: 'unblock' }, person('admin'), 'person'],
    ['an admin leaves themselves alone', admin, give('guest'), admin, 'self'],
    [
      'an operator changes nobody beside them',
      person('operator'),
      block,
      { ...admin, role: 'operator' },
      'person',
    ],
    [
      'a role not known here is no power',
      person('chief'),
      block,
      { ...admin, role: 'guest' },
      'person',
    ],
  ] as const
  for (const [name, by, change, target, refusal] of cases) {
    it(name, () => {
      expect(refusalOf(change, by, target)).to.equal(refusal)
    })
  }
})
