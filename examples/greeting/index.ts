import { definePlugin, html } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'greeting',
  version: '1.0.0',
  description: 'Says hello in the language of whoever asks',
  commands: ({ command }) => ({
    hello: command({
      description: 'Say hello',
      args: z.object({ alarms: z.number().int().default(0) }),
      run(ctx, { alarms }) {
        const today = ctx.now().toLocaleDateString(ctx.language, { timeZone: ctx.timeZone })
        return html`${ctx.t('hello', { name: ctx.actor.name })} <i>${today}</i>
${ctx.t('alarms', { count: alarms })}`
      },
    }),
  }),
})
