import { expect } from 'chai'
import { databaseLook } from '../../../../core/app/health/database.ts'
import { codeOf } from '../../../../core/errors.ts'
import { Refusal } from '../../../../core/update/inbox/refusal.ts'

const full = Object.assign(new Error('could not extend file: No space left on device'), {
  code: '53100',
})

describe('a database that answers', () => {
  const refusal = new Refusal()
  const presence: { failure: unknown } = { failure: undefined }
  const look = databaseLook({
    database: { ping: async () => undefined },
    presence,
    inbox: {
      get refusal() {
        return refusal.lately
      },
    },
  })
  const errorOf = (work: Promise<void>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    )
  const fails = (error: unknown) => refusal.watch(() => Promise.reject(error))

  it('is well until it takes no update, and when it takes one again', async () => {
    await look()
    expect(await errorOf(fails(full))).to.equal(full)
    expect(codeOf(await errorOf(look()))).to.equal('53100')
    await refusal.watch(async () => undefined)
    await look()
  })

  it('is not well while this process can’t say that it lives', async () => {
    presence.failure = full
    expect(codeOf(await errorOf(look()))).to.equal('53100')
    presence.failure = undefined
    await look()
  })

  it('is well when it refuses one row that nobody could store', async () => {
    await errorOf(fails(Object.assign(new Error('too long'), { code: '22001' })))
    await look()
  })
})
