import { expect } from 'chai'
import { createTestBot } from 'opsgram/testing'

const plugins = [import.meta.dirname]

describe('limits', () => {
  it('needs no setting at all', async () => {
    await using bot = await createTestBot({ plugins })
    await bot.owner.sends('/limits')
    await bot.owner.sees('/ from 80 % on, no API.')
  })

  it('takes its settings from the environment', async () => {
    const env = { LIMITS_WARN_PERCENT: '70', LIMITS_DISKS: '/, /var', LIMITS_API_TOKEN: '12345678' }
    await using bot = await createTestBot({ plugins, env })
    await bot.owner.sends('/limits')
    await bot.owner.sees('/ and /var from 70 % on, with the API.')
  })

  it('is not loaded with one that does not fit', async () => {
    const failed = await createTestBot({ plugins, env: { LIMITS_WARN_PERCENT: '170' } }).catch(
      (error: unknown) => error,
    )
    expect(failed).to.include({ code: 'OPS_PLUGIN_CONFIG' })
    expect(String(failed)).to.include('LIMITS_WARN_PERCENT')
  })
})
