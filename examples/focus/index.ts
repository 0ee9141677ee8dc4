import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'focus',
  version: '1.0.0',
  description: 'Remembers which host you work on',
  session: {
    version: 1,
    withinS: 8 * 3600,
    state: z.object({ host: z.string().optional(), looked: z.number().default(0) }),
  },
  commands: ({ command }) => ({
    on: command({
      description: 'Choose the host that you work on here',
      args: z.object({ host: z.string() }),
      async run(ctx, { host }) {
        await ctx.session.set({ host, looked: 0 })
        return `From now on: ${host}.`
      },
    }),
    look: command({
      description: 'Look at that host',
      async run(ctx) {
        const { host, looked } = await ctx.session.get()
        if (host === undefined) return 'Choose one by /on first.'
        await ctx.session.set({ looked: looked + 1 })
        return `${host}, for the ${looked + 1}. time.`
      },
    }),
    leave: command({
      description: 'Forget the host',
      async run(ctx) {
        await ctx.session.clear()
        return 'Forgotten.'
      },
    }),
  }),
})
