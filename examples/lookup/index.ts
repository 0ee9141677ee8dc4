import { definePlugin, optional } from 'opsgram'
import { z } from 'zod'
import { Inventory } from '../inventory/api.ts'

export default definePlugin({
  name: 'lookup',
  version: '1.0.0',
  description: 'Finds things',
  uses: { inventory: optional(Inventory) },
  commands: ({ command }) => ({
    where: command({
      description: 'Where is a host?',
      args: z.object({ host: z.string() }),
      run({ use }, { host }) {
        if (use.inventory === undefined) return 'The inventory is not there right now.'
        return use.inventory.roomOf(host) ?? `${host} is not known.`
      },
    }),
  }),
})
