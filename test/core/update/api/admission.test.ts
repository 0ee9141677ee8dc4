import { expect } from 'chai'
import type { Generation } from '../../../../core/plugin/generation/generation.ts'
import { RecordedLog } from '../../../../core/testing/test-bot/log.ts'
import { Admission } from '../../../../core/update/api/admission.ts'
import { rejected } from '../../../support/rejected.ts'

const user = { kind: 'user', id: '1', telegramId: 1, name: 'Ann', role: 'admin' } as const
const authenticator = {
  authenticate: async () => {
    throw new Error('no update')
  },
  bearer: async (token: string) => (token === 'right' ? { user, token: 'id' } : undefined),
}
const authorizer = { permissionsOf: async () => () => true }

/** A generation as far as a request is let in by it. */
function generation(parts: object = {}): Generation {
  const unapproved = { guard: undefined }
  return {
    authenticator,
    authorizer,
    closed: undefined,
    unapproved,
    ...parts,
  } as unknown as Generation
}

describe('admission of requests', () => {
  let left = 2
  const admission = new Admission({
    store: { take: async () => (left-- > 0 ? 0 : 60_000) },
    database: { query: async () => [] },
    log: new RecordedLog(),
  })
  const enter = (of: Generation, authorization?: string, ip = '192.0.2.1') =>
    admission.enter(of, { authorization, ip })

  it('lets a known bearer in', async () => {
    expect(await enter(generation(), 'Bearer right')).to.include({ user, token: 'id' })
  })

  for (const [what, parts] of Object.entries({
    'there is no authenticator': { authenticator: undefined },
    'the authenticator knows no tokens': { authenticator: { ...authenticator, bearer: undefined } },
    'there is no authorizer': { authorizer: undefined },
    'one of them is being replaced': { closed: Promise.resolve() },
    'one of them waits for approval': { unapproved: { guard: 'auth' } },
  })) {
    it(`lets nobody in when ${what}`, async () => {
      const error = await rejected(enter(generation(parts), 'Bearer right'))
      expect(error).to.have.property('code', 'OPS_ROUTE_NO_GATE')
    })
  }

  it('lets nobody in when a guard throws', async () => {
    const broken = {
      authorizer: {
        permissionsOf: async () => {
          throw new Error('the table is gone')
        },
      },
    }
    const error = await enter(generation(broken), 'Bearer right').catch((thrown: unknown) => thrown)
    expect(error).to.have.property('message', 'the table is gone')
  })

  it('closes an address that tries too often, and no other', async () => {
    const codeOf = async (authorization?: string, ip?: string) =>
      (await rejected(enter(generation(), authorization, ip))).code
    // whoever sends none has tried nothing
    for (const given of [undefined, undefined, 'Bearer wrong', 'Basic right']) {
      expect(await codeOf(given)).to.equal('OPS_BEARER_REFUSED')
    }
    expect(await codeOf('Bearer wrong')).to.equal('OPS_BEARER_FAILURES')
    // not even looked at
    expect(await codeOf('Bearer right')).to.equal('OPS_BEARER_FAILURES')
    expect(await enter(generation(), 'Bearer right', '192.0.2.2')).to.include({ token: 'id' })
  })
})
