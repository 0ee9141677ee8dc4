import { definePlugin } from 'opsgram'

export default definePlugin({
  name: 'uptime',
  version: '1.0.0',
  description: 'Is it up? For everybody',
  setup: (scope) => ({ since: scope.now() }),
  commands: ({ command }) => ({
    uptime: command({
      description: 'Is it up?',
      audience: 'everyone',
      run(ctx) {
        const minutes = Math.floor((ctx.now().getTime() - ctx.plugin.since.getTime()) / 60_000)
        const who = ctx.actor.kind === 'user' ? `, ${ctx.actor.name}` : ''
        return `Up for ${minutes} min${who}.`
      },
    }),
  }),
  events: ({ event }) => [
    event('my_chat_member', {
      audience: 'everyone',
      run: (ctx) => ctx.log.info('uptime.membership', { by: ctx.actor.kind }),
    }),
  ],
})
