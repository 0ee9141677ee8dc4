import { definePlugin, hmac } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'dcim',
  version: '1.0.0',
  description: 'Tells a chat what changes in NetBox',
  config: z.object({
    // OLD,NEW while one replaces the other
    secret: z.string().optional(),
    chat: z.coerce.number().optional(),
  }),
  hooks: ({ hook }) => ({
    netbox: hook({
      verify: hmac('sha512', 'X-Hook-Signature'),
      secret: (config) => config.secret,
      body: z.object({
        event: z.enum(['created', 'updated', 'deleted']),
        username: z.string(),
        data: z.looseObject({ display: z.string() }),
      }),
      run(ctx, { event, username, data }) {
        const { chat } = ctx.config
        if (chat !== undefined) ctx.notify(chat, `${username} ${event} ${data.display}`)
      },
    }),
  }),
})
