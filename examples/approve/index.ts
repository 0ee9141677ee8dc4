import { buttons, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'approve',
  version: '1.0.0',
  description: 'A restart that somebody else has to approve',
  permissions: {
    'approve.ask': { description: 'Ask for a restart', roles: ['admin', 'operator'] },
    'approve.decide': { description: 'Approve restarts', roles: ['admin'] },
  },
  actions: ({ action }) => ({
    approve: action({
      label: 'Approve',
      data: z.object({ host: z.string(), by: z.number() }),
      permission: 'approve.decide',
      async run(ctx, { host, by }) {
        if (ctx.actor.telegramId === by) {
          return ctx.answerCbQuery('Somebody else has to approve it.', { show_alert: true })
        }
        return edit(`${host} is being restarted; ${ctx.actor.name} approved it.`)
      },
    }),
    withdraw: action({
      label: 'Withdraw',
      data: z.object({ host: z.string() }),
      permission: 'approve.ask',
      run: (_ctx, { host }) => edit(`${host} is left alone.`),
    }),
  }),
  commands: ({ command }) => ({
    restart: command({
      description: 'Ask for the restart of a host',
      permission: 'approve.ask',
      args: z.object({ host: z.string() }),
      run: (ctx, { host }) =>
        message(
          `${ctx.actor.name} wants to restart ${host}.`,
          buttons([
            ctx.button('approve', { host, by: ctx.actor.telegramId }, { anyone: true }),
            ctx.button('withdraw', { host }),
          ]),
        ),
    }),
  }),
})
