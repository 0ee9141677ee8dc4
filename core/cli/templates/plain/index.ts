import { buttons, definePlugin, edit, message } from 'opsgram'
import { z } from 'zod'

export default definePlugin({
  name: 'sample',
  version: '0.1.0',
  description: 'What sample does',
  engine: '^1.0.0',
  permissions: {
    'sample.use': { description: 'Use sample', roles: ['admin', 'operator'] },
  },
  actions: ({ action }) => ({
    again: action({
      label: 'Again',
      data: z.object({ times: z.int() }),
      permission: 'sample.use',
      run: (ctx, { times }) =>
        edit(ctx.t('again', { count: times }), buttons(ctx.button('again', { times: times + 1 }))),
    }),
  }),
  commands: ({ command }) => ({
    sample: command({
      description: 'What sample does',
      permission: 'sample.use',
      args: z.object({ name: z.string().optional() }),
      run: (ctx, { name }) =>
        message(
          ctx.t('hello', { name: name ?? ctx.actor.name }),
          buttons(ctx.button('again', { times: 2 })),
        ),
    }),
  }),
})
