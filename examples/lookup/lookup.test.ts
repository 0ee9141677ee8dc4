import { createTestBot } from 'opsgram/testing'

const copies = [`${import.meta.dirname}/../inventory`, import.meta.dirname]

describe('lookup', () => {
  it('asks the inventory while it is there', async () => {
    await using bot = await createTestBot({ copies })
    await bot.owner.sends('/where sw-12')
    await bot.owner.sees('A1')
    await bot.removePlugin('inventory')
    await bot.owner.sends('/where sw-12')
    await bot.owner.sees('The inventory is not there right now.')
  })

  it('asks the version that is live', async () => {
    await using bot = await createTestBot({ copies })
    await bot.edit('inventory', {
      'index.ts': `import { definePlugin } from 'opsgram'
import { Inventory } from './api.ts'
export default definePlugin({
  name: 'inventory',
  version: '2.0.0',
  setup: () => ({ inventory: { roomOf: () => 'C3' } }),
  provides: { inventory: Inventory },
})
`,
    })
    await bot.owner.sends('/where sw-12')
    await bot.owner.sees('C3')
  })
})
