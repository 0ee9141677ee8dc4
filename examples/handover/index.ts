import { AuditEntry, BotUser, buttons, definePlugin, edit, html, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'handover',
  version: '1.0.0',
  description: 'Tells the next shift what is open',
  actions: ({ action }) => ({
    read: action({
      label: 'Got it',
      data: z.object({ from: z.number(), text: z.string() }),
      run(ctx, { from, text }) {
        ctx.notify(from, html`${ctx.actor.name} has read: <i>${text}</i>`, { urgent: true })
        return edit(text)
      },
    }),
  }),
  commands: ({ command }) => ({
    handover: command({
      description: 'Tell all operators what is open',
      args: z.object({ text: z.string() }),
      async run(ctx, { text }) {
        const { name, telegramId: from } = ctx.actor
        ctx.em.create(AuditEntry, { action: 'handover.told', actorId: from, outcome: 'done' })
        const operators = await ctx.em.find(BotUser, { role: 'operator', status: 'active' })
        for (const { telegramId } of operators) {
          // anybody: the button is for the one who gets it, not for the one who wrote
          const button = ctx.button('read', { from, text }, { anyone: true })
          ctx.notify(telegramId, message(html`${name} hands over: ${text}`, buttons(button)))
        }
        return `Told: ${operators.length}`
      },
    }),
  }),
})
