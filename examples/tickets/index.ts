import { definePlugin } from 'opsgram'
import { z } from 'zod'

/** Stands for a client of a ticket system. */
class TicketSystem {
  readonly #open = new Set([7, 8])
  away = false

  async close(id: number): Promise<boolean> {
    if (this.away) throw new Error('the ticket system answers 503')
    return this.#open.delete(id)
  }
}

export default definePlugin({
  name: 'tickets',
  version: '1.0.0',
  description: 'Closes tickets',
  setup: () => ({ system: new TicketSystem() }),
  commands: ({ command }) => ({
    close: command({
      description: 'Close a ticket',
      args: z.object({ id: z.number().int().positive() }),
      async run(ctx, { id }) {
        // what people can mend is an answer; all else may throw
        if (!(await ctx.plugin.system.close(id))) return `There is no open ticket ${id}.`
        return `Ticket ${id} is closed.`
      },
    }),
    outage: command({
      description: 'Pretend that the ticket system is away',
      run(ctx) {
        ctx.plugin.system.away = true
        return 'It is away now.'
      },
    }),
  }),
})
