import { definePlugin } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'pace',
  version: '1.0.0',
  description: 'So many updates a minute, and no more',
  config: z.object({ perMinute: z.coerce.number().int().min(1).default(20) }),
  setup: () => ({ seen: new Map<string, number[]>() }),
  middleware: ({ middleware }) => [
    middleware({
      phase: 'observe',
      async run(ctx, next) {
        const began = performance.now()
        await next()
        const ms = Math.round(performance.now() - began)
        ctx.log.debug('pace.measured', { ms, outcome: ctx.outcome.kind })
      },
    }),
    middleware({
      phase: 'throttle',
      async run(ctx, next) {
        const now = ctx.now().getTime()
        const { seen } = ctx.plugin
        const recent = (seen.get(ctx.actor.id) ?? []).filter((at) => at > now - 60_000)
        seen.set(ctx.actor.id, [...recent, now])
        if (recent.length < ctx.config.perMinute) return next()
        ctx.refuse('pace.too-fast')
        if (recent.length === ctx.config.perMinute) await ctx.reply('Not so fast: wait a minute.')
      },
    }),
  ],
})
