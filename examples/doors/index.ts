import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'doors',
  version: '1.0.0',
  description: 'Who may open which door',
  permissions: {
    'doors.see': { description: 'See the doors', roles: ['admin', 'operator', 'guest'] },
    'doors.open': { description: 'Open a door', roles: ['admin', 'operator'] },
    'doors.vault': { description: 'Open the vault', roles: [] },
  },
  commands: ({ command }) => ({
    doors: command({
      description: 'The doors',
      permission: 'doors.see',
      subcommands: {
        list: command({
          description: 'All of them',
          run: (ctx) => (ctx.can('doors.vault') ? 'lab, store, vault' : 'lab, store'),
        }),
        open: command({
          description: 'Open one',
          permission: 'doors.open',
          args: z.object({ door: z.enum(['lab', 'store', 'vault']) }),
          run(ctx, { door }) {
            if (door === 'vault' && !ctx.can('doors.vault')) return 'Not the vault.'
            return `The ${door} is open.`
          },
        }),
      },
    }),
  }),
})
